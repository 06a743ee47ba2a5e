"""Where a program ends: what the user caused is one line and an exit code, and its output may lose its reader."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from .errors import InputError, OutputClosed, is_out_of_memory, one_line, reason
from .names import escape_unencodable

_ENDED_BY_SIGPIPE = 141  # what a shell says of a program that the signal has ended, as it does others


def boundary(main: Callable) -> Callable:
    """Wrap a program's ``main``: a mistake of the user is one line on stderr and exit code 2. Ctrl-C is exit code 130.

    Mistakes in configs, files and options are raised as :class:`InputError`: see :func:`mmpe.errors.as_input_error`.
    Errors of the operating system and lack of memory count as the user's, too. Anything else is a fault of mmpe, and
    keeps its traceback. If nobody reads the output any more, as after ``| head``, the program ends without a message.

    >>> def main():
    ...     return print('done')
    >>> boundary(main)()
    done
    """

    @functools.wraps(main)
    def run(*args, **kwargs):
        with readable_streams():
            try:
                return main(*args, **kwargs)
            except KeyboardInterrupt:
                print('interrupted', file=sys.stderr)
                raise SystemExit(130) from None
            except Exception as error:
                if not isinstance(error, (InputError, OSError)) and not is_out_of_memory(error):
                    raise
                text = one_line(error) if isinstance(error, InputError) else reason(error)
                print(f'error: {text}', file=sys.stderr)
                raise SystemExit(2) from None

    return run


@contextmanager
def readable_streams() -> Iterator[None]:
    """Within, escape what the terminal cannot show, and end quietly if nobody reads the output any more.

    The signal SIGPIPE would also end a run that writes to a broken network connection, without a message.

    >>> with readable_streams():
    ...     print('done')
    done
    """
    before = sys.stdout, sys.stderr
    # Python has None for a stream that was closed when it started
    given = [stream or open(os.devnull, 'w', encoding='utf-8') for stream in before]  # noqa: SIM115
    for stream in given:
        escape_unencodable(stream)
    sys.stdout, sys.stderr = map(_Quiet, given)
    try:
        yield
    finally:
        try:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        finally:
            sys.stdout, sys.stderr = before


class _Quiet:
    """A stream that ends the process when nobody reads it: logging would report a BrokenPipeError at every line."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            return self._leave()

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._leave()

    def __getattr__(self, name: str):
        return getattr(self._stream, name)

    def _leave(self):
        with suppress(OSError, ValueError):  # Python flushes once more at its end, which must find someone to write to
            nobody = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nobody, self._stream.fileno())
            os.close(nobody)
        raise OutputClosed(_ENDED_BY_SIGPIPE)
