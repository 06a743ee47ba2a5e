"""The one exception that the command line turns into a line of text and exit code 2, and what becomes one."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InputError(ValueError):
    """What the user gave cannot be used: a path, a picture, a size, a config. One line says what to do about it."""

    def __init__(self, message: object = ''):
        text = str(message)
        if 'Original Traceback' in text:
            # A data loader raises what its worker raised once more, with the worker's whole traceback as the message.
            text = text.rpartition(f'{type(self).__name__}: ')[2]
        super().__init__(one_line(text))


@contextmanager
def naming(file: str | Path) -> Iterator[None]:
    """Within, an :class:`InputError` says of which file it is."""
    try:
        yield
    except InputError as error:
        raise InputError(f'{file}: {error}') from error


class OutputClosed(SystemExit):
    """Whoever read the output has gone away: the end of a tool, and no mistake of a config's."""


@contextmanager
def as_input_error(what: str) -> Iterator[None]:
    """Turn whatever goes wrong while something of the user's is read, or built from it, into one :class:`InputError`.

    A config is a program, and what is built from it is often MMEngine's or PyTorch's, so that a mistake in it can raise
    anything, ``SystemExit`` included. Ctrl-C passes, and so do errors that say already what the user has to do.

    Args:
        what: What cannot be done then, such as 'the config cannot be built'.

    >>> with as_input_error('the config cannot be built'):
    ...     dict(model=1)['models']
    Traceback (most recent call last):
    mmpe.errors.InputError: the config cannot be built: KeyError: 'models'
    """
    try:
        yield
    except (InputError, OutputClosed):
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f'{what}: {reason(error)}') from error


def reason(error: BaseException) -> str:
    """Why something failed, in one line: what the error says, or its type where that says more, and where it was raised
    if a config raised it.
    """
    if is_out_of_memory(error):
        return f'it needs more memory than there is ({one_line(error)}): choose smaller sizes, or fewer at a time'
    if isinstance(error, SystemExit):
        text = f'it calls exit({error.code!r})' if error.code is not None else 'it calls exit()'
    elif isinstance(error, KeyError) and error.args and ' ' in str(error.args[0]):
        text = one_line(error.args[0])  # a sentence, which str() would put in quotes
    else:
        text = _last_line(str(error)) if 'Original Traceback' in str(error) else one_line(error)
        if not text or isinstance(error, (KeyError, ArithmeticError, LookupError, AttributeError, NameError)):
            text = f'{type(error).__name__}: {text}'.removesuffix(': ')
    place = _place_in_config(error)
    return f'{text} ({place})' if place else text


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: Python's, NumPy's, or PyTorch's of any device."""
    text = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == 'OutOfMemoryError'  # torch's, which this module does not import
        or isinstance(error, RuntimeError)
        and any(sign in text for sign in ("can't allocate memory", 'not enough memory', 'CUDA out of memory'))
    )


def one_line(text: object) -> str:
    """A text without line breaks; spaces stay, as they may be a file name's."""
    return ' '.join(line.strip() for line in str(text).splitlines() if line.strip())


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1].strip()


def _place_in_config(error: BaseException) -> str:
    """File and line of the config, a program that MMEngine runs, in which an error was raised."""
    configs, place = set(), ''
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_name in ('_file2dict', '_parse_lazy_import'):
            configs.add(frame.f_locals.get('filename'))
        if frame.f_code.co_filename in configs:
            place = f'{frame.f_code.co_filename}, line {line}'
    return place
