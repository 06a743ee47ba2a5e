"""How a value is read from the text of a command line, stated beside its type: ``num: Count``, ``size: Size``.

A function that is annotated so is called from Python as any other, and :mod:`mmpe.cli` makes a command of it. Whatever
has several spellings, a size above all, is read here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from .errors import InputError
from .numbers import MOST_LENGTH, MOST_REAL, MOST_SEED, MOST_WHOLE, is_whole, real_fault, shown, size_text, whole_fault


@dataclass(frozen=True)
class Text:
    """How a value is read from text: in ``Annotated[int, Text(read)]``.

    Attributes:
        read: From a word of the command line to the value; it raises :class:`InputError`, or another ``ValueError``.
        metavar: What help calls the word; empty: the name of the argument.

    >>> def repeat(word: str, times: Annotated[int, Text(int, 'TIMES')] = 2): ...
    """

    read: Callable[[str], Any]
    metavar: str = ''


def whole(least: int = 1, most: int = MOST_WHOLE, metavar: str = '') -> Text:
    """A whole number in a range, both ends included.

    >>> whole(1).read('16')
    16
    >>> whole(1).read('1.5')
    Traceback (most recent call last):
    mmpe.errors.InputError: '1.5' cannot work: it must be a whole number, at least 1
    """
    return Text(partial(_read_number, int, partial(whole_fault, least=least, most=most)), metavar)


def real(least: float = -MOST_REAL, most: float = MOST_REAL, metavar: str = '') -> Text:
    """A finite number in a range, both ends included.

    >>> real(0, 1).read('0.5')
    0.5
    """
    return Text(partial(_read_number, float, partial(real_fault, least=least, most=most)), metavar)


def read_size(text: str) -> tuple[int, int]:
    """Read HEIGHTxWIDTH, or one number for a square, as (height, width).

    >>> read_size('300x500'), read_size('256')
    ((300, 500), (256, 256))
    """
    try:
        numbers = [int(part) for part in text.lower().split('x')]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or not all(is_whole(number, 1, MOST_LENGTH) for number in numbers):
        raise InputError(f'a size is HEIGHTxWIDTH in pixels, such as 300x500, not {shown(text)}')
    return numbers[0], numbers[-1]


def read_side(text: str) -> int:
    """Read the side of a square, which may be given as the size of one.

    >>> read_side('256'), read_side('256x256')
    (256, 256)
    """
    height, width = read_size(text)
    if height != width:
        raise InputError(f'data sets have squares, such as 256, not {size_text((height, width))}')
    return height


def read_numbers(text: str, count: int, kind: type, what: str) -> tuple:
    """Read numbers between commas, such as the coordinates of a point.

    Args:
        text: Such as ``31,13``.
        count: How many there must be.
        kind: ``int`` or ``float``.
        what: What is accepted, with an example, for the message.

    >>> read_numbers('31,13', 2, float, 'a point is X,Y, such as 31,13')
    (31.0, 13.0)
    """
    try:
        numbers = tuple(kind(part) for part in text.split(','))
    except ValueError:
        numbers = ()
    if len(numbers) != count or not all(abs(number) < 1e6 for number in numbers):
        raise InputError(f'{what}, not {shown(text)}')
    return numbers


def _read_number(kind: type, fault: Callable[[Any], str], text: str) -> Any:
    try:
        number = kind(text)
    except ValueError:
        number = text
    found = fault(number)
    if found:
        raise InputError(f'{shown(number)} cannot work: it must be {found}')
    return number


Count = Annotated[int, whole(1)]
Seed = Annotated[int, whole(0, MOST_SEED)]
Size = Annotated[tuple[int, int], Text(read_size, 'HEIGHTxWIDTH')]
Side = Annotated[int, Text(read_side)]
