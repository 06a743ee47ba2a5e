"""The one exception that the command line turns into a line of text and exit code 2, and what becomes one."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InputError(ValueError):
    """Something that the user gave cannot be used: a path, a picture, a size, a config.

    The message is one line. It says what was given, what is accepted, and what to do.

    >>> raise InputError('size=0 cannot work: it must be at least 1')
    Traceback (most recent call last):
    mmpe.errors.InputError: size=0 cannot work: it must be at least 1
    """

    def __init__(self, message: object = ''):
        text = str(message)
        if 'Original Traceback' in text:
            # A data loader raises what its worker raised once more, with the worker's whole traceback as the message.
            text = text.rpartition(f'{type(self).__name__}: ')[2]
        super().__init__(one_line(text))


@contextmanager
def naming(file: str | Path) -> Iterator[None]:
    """Within, the message of an :class:`InputError` begins with the name of a file.

    >>> with naming('a.pth'):
    ...     raise InputError('it has no weights')
    Traceback (most recent call last):
    mmpe.errors.InputError: a.pth: it has no weights
    """
    try:
        yield
    except InputError as error:
        raise InputError(f'{file}: {error}') from error


class OutputClosed(SystemExit):
    """Nobody reads a tool's output any more, as after ``| head``. The tool ends without a message."""


@contextmanager
def as_input_error(what: str) -> Iterator[None]:
    """Within, turn every error into an :class:`InputError`: the user's file or config is read, or built from.

    A config is a program, and most of what it names belongs to MMEngine or PyTorch. So a mistake in it can raise
    anything, ``SystemExit`` included. Ctrl-C and errors of type ``InputError`` pass unchanged.

    Args:
        what: How the message begins, such as 'the config cannot be built'.

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
    """Why something failed, in one line: type and message of an error, and its place if a config raised it.

    >>> reason(KeyError('models'))
    "KeyError: 'models'"
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
    """Whether an error says that memory ran out: an error of Python, NumPy, or PyTorch on any device.

    >>> is_out_of_memory(MemoryError())
    True
    """
    text = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == 'OutOfMemoryError'  # torch's, which this module does not import
        or isinstance(error, RuntimeError)
        and any(sign in text for sign in ("can't allocate memory", 'not enough memory', 'CUDA out of memory'))
    )


def one_line(text: object) -> str:
    """A text without line breaks. Spaces stay, as they may be part of a file name.

    >>> one_line('line 1\\nline  2')
    'line 1 line  2'
    """
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
