"""Standard output and error that any text can be written to, and that may lose their reader."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from mmpe.errors import OutputClosed
from mmpe.names import escape_unencodable

_ENDED_BY_SIGPIPE = 141  # what a shell says of a program that the signal has ended, as it does others


@contextmanager
def readable_streams() -> Iterator[None]:
    """Escape what the terminal cannot show, and end quietly where nobody reads any more.

    Not by the signal SIGPIPE: it would also end a run that writes to a broken connection of its own, without a word.
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
    """A stream at whose end the process leaves: logging would report a BrokenPipeError, and go on, at every line."""

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
