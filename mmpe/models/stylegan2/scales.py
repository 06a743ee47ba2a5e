"""The scales of multi-scale training: which there are, which one an iteration trains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product

import torch

from mmpe.errors import InputError
from mmpe.grid import Size, nearest_in_aspect
from mmpe.numbers import check_numbers, check_real, check_whole, shown, size_text
from mmpe.random_numbers import random_generator

_MOST_IN_A_RANGE = 4096
_FEW = 6  # scales that are all shown


class Scales:
    """The scales that a generator is trained at (MS-PIE, sec. 4.2): sizes, and shapes.

    Args:
        offsets: What is added to the base grid's side: one number for a square, or a pair (rows,
            columns), for each scale; or a range, see :func:`offsets_between`.
        probabilities: How often each is trained, with a sum of 1. None: those of a range are trained equally often, and
            otherwise there is one scale.
        by_aspect: Whether pictures choose among the scales: those whose aspect ratio is nearest to the pictures' of an
            iteration can be drawn for it, with their probabilities in proportion. Such pictures come in batches of one
            shape, see :class:`~mmpe.datasets.BucketBatchSampler`.
        base: Side of the base grid at offset 0, the generator's.

    Attributes:
        offsets (list[tuple[int, int]]): Of each scale's base grid.
        bases (list[tuple[int, int]]): (h, w) of each scale's base grid.

    Raises:
        InputError: If there is no scale, one is there twice or below the smallest, or the probabilities do not fit.

    >>> Scales([0, (0, 2)], [0.75, 0.25]).bases
    [(4, 4), (4, 6)]
    """

    def __init__(
        self,
        offsets: Sequence[int | Size] | Mapping = (0,),
        probabilities: Sequence[float] | None = None,
        by_aspect: bool = False,
        base: int = 4,
    ):
        is_range = isinstance(offsets, Mapping)
        self.offsets = _range(offsets, base) if is_range else _pairs(offsets, base)
        if probabilities is None:
            probabilities = [1 / len(self.offsets)] * len(self.offsets) if is_range else (1.0,)
        self.probabilities = _probabilities(probabilities, self.offsets if is_range else list(offsets))
        self.bases = [(base + rows, base + columns) for rows, columns in self.offsets]
        self.by_aspect = by_aspect

    @property
    def shown(self) -> list[Size]:
        """The base grids that stand for all: of more than six the smallest, largest, widest and tallest."""
        if len(self.bases) <= _FEW:
            return self.bases
        aspects = {base: base[1] / base[0] for base in self.bases}
        chosen = (
            *(min(self.bases, key=math.prod), max(self.bases, key=math.prod)),
            *(max(aspects, key=aspects.get), min(aspects, key=aspects.get)),
        )
        return list(dict.fromkeys(chosen))

    def draw(self, seed: int, iteration: int, pictures: Size | None = None) -> Size:
        """The base grid (h, w) of an iteration: every process draws the same one, at any time.

        Args:
            seed: Of the run.
            iteration: Number of the update.
            pictures: (H, W) of the iteration's pictures, which matter with ``by_aspect``.
        """
        bases, probabilities = self.bases, self.probabilities
        if self.by_aspect and pictures is not None:
            chosen = nearest_in_aspect(self.bases, pictures)
            bases, probabilities = zip(*((bases[i], probabilities[i]) for i in chosen))
            if not any(probabilities):
                raise InputError(
                    f'pictures of {size_text(pictures)} belong to scales whose probabilities are 0: give the '
                    'data set no size of that shape'
                )
        rng = random_generator('scale', seed, iteration)
        return bases[torch.multinomial(torch.tensor(probabilities, dtype=torch.float64), 1, generator=rng)]


def offsets_between(
    low: int | Size, high: int | Size, step: int = 1, max_aspect: float | None = None, base: int = 4
) -> list[tuple[int, int]]:
    """All offsets (rows, columns) from ``low`` to ``high``, which belongs to them.

    Args:
        low: The least, of both axes or (rows, columns).
        high: The most.
        step: From one to the next, along each axis.
        max_aspect: How many times the shorter side of a base grid the longer one may be; None: without limit.
        base: Side of the base grid at offset 0.

    Raises:
        InputError: If there are none, or more than 4096.

    >>> offsets_between(0, (0, 4), step=2)
    [(0, 0), (0, 2), (0, 4)]
    """
    check_whole(1, step=step)
    if max_aspect is not None:
        check_real(1, max_aspect=max_aspect)
    (top, left), (bottom, right) = (_pairs([end], base, name)[0] for name, end in (('low', low), ('high', high)))
    rows, columns = range(top, bottom + 1, step), range(left, right + 1, step)
    if len(rows) * len(columns) > _MOST_IN_A_RANGE:
        raise InputError(
            f'offsets from {low} to {high} in steps of {step} are {len(rows) * len(columns)} scales, more than '
            f'{_MOST_IN_A_RANGE}: give a larger step'
        )
    found = [pair for pair in product(rows, columns) if _aspect(pair, base) <= (max_aspect or math.inf)]
    if not found:
        raise InputError(
            f'there is no offset from low={low} to high={high} in steps of {step} with max_aspect={max_aspect}: '
            'low must not exceed high, and a grid must be within max_aspect'
        )
    return found


def _range(options: Mapping, base: int) -> list[tuple[int, int]]:
    try:
        return offsets_between(**{key: value for key, value in options.items() if key != '_scope_'}, base=base)
    except TypeError as error:
        raise InputError(
            f'offsets={dict(options)} is not a range: it has low and high, and step and max_aspect if need be'
        ) from error


def _aspect(offset: Size, base: int) -> float:
    sides = [base + length for length in offset]
    return max(sides) / min(sides)


def _pairs(offsets: Sequence[int | Size], base: int, name: str = 'offsets') -> list[tuple[int, int]]:
    """Offsets as pairs (rows, columns), checked."""
    if isinstance(offsets, str) or not isinstance(offsets, Sequence):
        raise InputError(
            f'{name}={shown(offsets)} cannot work: it must be a list of numbers or of pairs (rows, columns), such as '
            '[0, 2, (0, 4)], or a range, dict(low=0, high=4)'
        )
    pairs = []
    for i, offset in enumerate(offsets):
        if isinstance(offset, Sequence) and not isinstance(offset, str):
            check_numbers(partial(check_whole, 1 - base), 2, **{f'{name}[{i}]': offset})
        else:
            check_whole(1 - base, **{f'{name}[{i}]': offset})
            offset = (offset, offset)
        pairs.append((int(offset[0]), int(offset[1])))
    twice = next((pair for i, pair in enumerate(pairs) if pair in pairs[:i]), None)
    if twice is not None:
        raise InputError(f'{name}={list(offsets)} has the scale {twice} twice: give it once, with its probability')
    return pairs


def _probabilities(probabilities: Sequence[float], offsets: list) -> tuple[float, ...]:
    check_numbers(partial(check_real, 0, 1), probabilities=probabilities)
    if len(offsets) != len(probabilities):
        raise InputError(
            f'{len(offsets)} scales, {offsets}, but {len(probabilities)} probabilities, {list(probabilities)}: give '
            'every scale one'
        )
    if not math.isclose(sum(probabilities), 1, abs_tol=1e-6):
        raise InputError(
            f'the probabilities of scales must sum to 1: {list(probabilities)} sum to {sum(probabilities):g}'
        )
    return tuple(probabilities)
