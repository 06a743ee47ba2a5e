"""Checks of the numbers and sizes that users give, and how sizes are written: HEIGHTxWIDTH.

A constructor says at its head what it accepts: ``check_whole(1, iters_per_scale=iters_per_scale)``. Bounds are
inclusive unless a check says otherwise. True, False and text are no numbers, and 1.5 and 2.0 are not whole; NumPy's
and PyTorch's scalars are numbers as Python's are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from .errors import InputError

MOST_WHOLE = 2**31 - 1
"""The largest count that is taken seriously."""

MOST_REAL = 3.4e38
"""The largest factor, weight or distance: float32 has no larger number."""

MOST_SEED = 2**64 - 1
MOST_LENGTH = 2**40
"""Pixels a side that are left to what asks for memory; larger numbers would overflow before."""

_USUAL_ENDS = (MOST_WHOLE, MOST_REAL, MOST_SEED)

_LETTERS_SHOWN = 60


def check_whole(least: int = 1, most: int = MOST_WHOLE, /, **numbers) -> None:
    """Refuse what is not a whole number from ``least`` to ``most``.

    Args:
        least: The smallest that is accepted.
        most: The largest.
        **numbers: By the names that a message calls them.

    Raises:
        InputError: For the first that is not; it says the value and the range.

    >>> check_whole(1, iters_per_scale=2000)
    >>> check_whole(1, iters_per_scale=1.5)
    Traceback (most recent call last):
    mmpe.errors.InputError: iters_per_scale=1.5 cannot work: it must be a whole number, at least 1
    """
    for name, number in numbers.items():
        _refuse(name, number, whole_fault(number, least, most))


def check_real(least: float = -MOST_REAL, most: float = MOST_REAL, /, **numbers) -> None:
    """Refuse what is not a number from ``least`` to ``most``: NaN and infinities are none; else as :func:`check_whole`.

    >>> check_real(0, 1, mixing_probability=0.9)
    >>> check_real(0, 1, mixing_probability=float('nan'))
    Traceback (most recent call last):
    mmpe.errors.InputError: mixing_probability=nan cannot work: it must be a finite number, from 0 to 1
    """
    for name, number in numbers.items():
        _refuse(name, number, real_fault(number, least, most))


def check_above(bound: float, most: float = MOST_REAL, /, **numbers) -> None:
    """Refuse what is not a number above ``bound``, which is excluded, and up to ``most``; else as :func:`check_whole`.

    >>> check_above(0, half_life=10_000)
    >>> check_above(0, half_life=0)
    Traceback (most recent call last):
    mmpe.errors.InputError: half_life=0 cannot work: it must be above 0
    """
    for name, number in numbers.items():
        if not is_real(number, bound, most) or number == bound:
            up_to = f' and at most {_text(most)}' if _matters(most, number) else ''
            _refuse(name, number, _all_of(_number_if_none(number), f'above {_text(bound)}{up_to}'))


def check_interval(**intervals) -> None:
    """Refuse what is no interval between things that a hook does: a whole number, at least 1, or -1 for never.

    >>> check_interval(interval=-1)
    >>> check_interval(interval=0)
    Traceback (most recent call last):
    mmpe.errors.InputError: interval=0 cannot work: it must be at least 1, or -1 for never
    """
    for name, interval in intervals.items():
        fault = whole_fault(interval, 1)
        if fault and not is_whole(interval, -1, -1):
            _refuse(name, interval, f'{fault}, or -1 for never')


def check_numbers(check: Callable[..., None], length: int | None = None, /, **lists) -> None:
    """Refuse what is not a list, or tuple, of numbers that ``check`` accepts.

    Args:
        check: The check of one number, such as ``partial(check_whole, 0)``. It is called with each number by name.
        length: How many numbers a list must have. None: any number of them.
        **lists: The lists, by the names that a message calls them.

    Raises:
        InputError: If one is not a list, has another length, or holds a number that is not accepted.

    >>> check_numbers(check_real, 2, by=(14, 0))
    >>> check_numbers(check_real, 2, by=(14, 0, 3))
    Traceback (most recent call last):
    mmpe.errors.InputError: by=(14, 0, 3) cannot work: it must be a list of 2 numbers
    """
    for name, numbers in lists.items():
        numbers = _as_list(numbers)
        fits = isinstance(numbers, Sequence) and not isinstance(numbers, (str, bytes))
        if not fits or length not in (None, len(numbers)):
            many = 'numbers' if length is None else f'{length} numbers'
            _refuse(name, numbers, f'a list of {many}')
        for i, number in enumerate(numbers):
            check(**{f'{name}[{i}]': number})


def given(**options) -> dict:
    """The options that are not None, for options that may be left out.

    >>> given(num=5, real=None)
    {'num': 5}
    """
    return {name: value for name, value in options.items() if value is not None}


def is_whole(number: Any, least: float = -math.inf, most: float = math.inf) -> bool:
    """Whether something is a whole number, and in a range.

    >>> is_whole(3), is_whole(3.0), is_whole(True), is_whole('3')
    (True, False, False, False)
    """
    number = _plain(number)
    return isinstance(number, Integral) and not isinstance(number, bool) and least <= number <= most


def is_real(number: Any, least: float = -math.inf, most: float = math.inf) -> bool:
    """Whether something is a finite number, and in a range.

    >>> is_real(3), is_real(0.5), is_real(float('inf')), is_real('3')
    (True, True, False, False)
    """
    number = _plain(number)
    if not isinstance(number, Real) or isinstance(number, bool):
        return False
    # tensors take no longer whole numbers, though larger ones that are written as 1e20
    finite = abs(number) < (2**63 if isinstance(number, Integral) else math.inf)
    return finite and least <= number <= most


def whole_fault(number: Any, least: int = 1, most: int = MOST_WHOLE) -> str:
    """What a number must be, in words, if :func:`check_whole` refuses it. Empty if it is accepted.

    >>> whole_fault(0), whole_fault(1)
    ('at least 1', '')
    """
    if is_whole(number, least, most):
        return ''
    return _all_of('' if is_whole(number) else 'a whole number', _range(least, most, number))


def real_fault(number: Any, least: float = -MOST_REAL, most: float = MOST_REAL) -> str:
    """What a number must be, in words, if :func:`check_real` refuses it. Empty if it is accepted.

    >>> real_fault(2, 0, 1), real_fault(1)
    ('from 0 to 1', '')
    """
    if is_real(number, least, most):
        return ''
    if isinstance(number, Integral) and not isinstance(number, bool) and least <= number <= most:
        return f'of at most 64 bits, or with an exponent, as {float(number):g}'
    return _all_of(_number_if_none(number), _range(least, most, number))


def as_size(size: int | tuple[int, int], name: str = 'size') -> tuple[int, int]:
    """Read a size.

    Args:
        size: The side of a square, or (height, width).
        name: The name that a message calls the size.

    Returns:
        (height, width), both at least 1.

    Raises:
        InputError: If ``size`` is neither a positive whole number nor a pair of them.

    >>> as_size(4), as_size((5, 7))
    ((4, 4), (5, 7))
    """
    size = _as_list(size)
    pair = tuple(size) if isinstance(size, Sequence) and not isinstance(size, (str, bytes)) else (size, size)
    if len(pair) != 2 or not all(is_whole(length, 1, MOST_LENGTH) for length in pair):
        _refuse(name, size, 'a positive integer or a (height, width) pair of them')
    return int(pair[0]), int(pair[1])


def size_text(size: Sequence[int]) -> str:
    """A size (height, width) as HEIGHTxWIDTH, as messages, tables and file names show it, and as tools read it.

    >>> size_text((300, 500))
    '300x500'
    """
    return 'x'.join(str(int(length)) for length in size)


def check_finite(config: Any, name: str = '') -> None:
    """Refuse NaN and infinities anywhere in a config.

    Args:
        config: Dicts and lists, at any depth.
        name: The dotted key of ``config`` itself.

    Raises:
        InputError: For the first number that is not finite. The message has its dotted key.

    >>> check_finite(dict(model=dict(noise_weight=float('nan'))))
    Traceback (most recent call last):
    mmpe.errors.InputError: model.noise_weight=nan cannot work: the numbers of a config must be finite
    """
    for key, number in _reals(config, name):
        if not math.isfinite(number):
            raise InputError(f'{key}={number} cannot work: the numbers of a config must be finite')


def shown(value: Any) -> str:
    """A value as it was given, on one line. Long values are cut.

    >>> shown('a\\nb')
    "'a\\\\nb'"
    """
    try:
        text = ' '.join(repr(value).split())
    except ValueError:  # Python does not write whole numbers of thousands of digits
        text = f'a whole number of {value.bit_length()} bits'
    return text if len(text) <= _LETTERS_SHOWN else f'{text[:_LETTERS_SHOWN]}...'


def _reals(config: Any, name: str) -> Iterator[tuple[str, float]]:
    """All floating-point numbers by their dotted keys."""
    if isinstance(config, Mapping):
        items = config.items()
    elif isinstance(config, (list, tuple)):
        items = enumerate(config)
    else:
        number = _plain(config)
        if isinstance(number, float):
            yield name, number
        return
    for key, value in items:
        yield from _reals(value, f'{name}.{key}' if name else str(key))


def _plain(number: Any) -> Any:
    """NumPy's and PyTorch's scalars as Python's."""
    if isinstance(number, (int, float)):  # the usual case, and the only one that torch.compile follows
        return number
    return number.item() if getattr(number, 'ndim', None) == 0 and hasattr(number, 'item') else number


def _as_list(numbers: Any) -> Any:
    """NumPy's and PyTorch's rows of numbers as lists."""
    if isinstance(numbers, (int, tuple, list)):  # the usual case, and the only one that torch.compile follows
        return numbers
    return numbers.tolist() if getattr(numbers, 'ndim', None) == 1 else numbers


def _refuse(name: str, value: Any, fault: str) -> None:
    """Say what was given and what it must be, if there is a fault."""
    if fault:
        raise InputError(f'{name}={shown(value)} cannot work: it must be {fault}')


def _all_of(*words: str) -> str:
    return ', '.join(filter(None, words))


def _number_if_none(number: Any) -> str:
    return '' if is_real(number) else 'a finite number'


def _range(least: float, most: float, number: Any) -> str:
    """A range in words; the usual end of what is taken seriously is only said to who has left it."""
    if _matters(most, number):
        return f'from {_text(least)} to {_text(most)}'
    return '' if least == -MOST_REAL else f'at least {_text(least)}'


def _matters(most: float, number: Any) -> bool:
    return most not in _USUAL_ENDS or (is_real(number) and number > most)


def _text(number: float) -> str:
    return str(number) if isinstance(number, int) else f'{number:.15g}'
