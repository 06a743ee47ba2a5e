"""The scales of multi-scale training: which there are, which one an iteration trains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

import torch

from mmpe.errors import InputError

from ..random import random_generator

_SMALLEST = 4  # side of the base grid at offset 0


class Scales:
    """The scales that a generator is trained at (MS-PIE, sec. 4.2).

    Args:
        offsets (Sequence[int]): What is added to the base grid's side of 4, at least -3.
        probabilities (Sequence[float]): How often each is trained, with a sum of 1.

    Attributes:
        offsets (tuple[int, ...]): See above.
        bases (list[tuple[int, int]]): (h, w) of each base grid.

    Raises:
        InputError: If the two are of different length, or one has a value that cannot be.
    """

    def __init__(self, offsets: Sequence[int] = (0,), probabilities: Sequence[float] = (1.0,)):
        self.offsets, self.probabilities = _numbers('offsets', offsets), _numbers('probabilities', probabilities)
        if len(self.offsets) != len(self.probabilities):
            raise InputError(
                f'{len(self.offsets)} scales, {list(self.offsets)}, but {len(self.probabilities)} probabilities, '
                f'{list(self.probabilities)}: give every scale one'
            )
        for offset in self.offsets:
            if not isinstance(offset, int) or offset <= -_SMALLEST:
                raise InputError(f'a scale is a whole number, at least {1 - _SMALLEST}, not {offset!r}')
        if min(self.probabilities, default=0) < 0 or not math.isclose(sum(self.probabilities), 1, abs_tol=1e-6):
            raise InputError(
                f'the probabilities of scales must be at least 0 and sum to 1: {list(self.probabilities)} '
                f'sum to {sum(self.probabilities):g}'
            )
        self.bases = [(_SMALLEST + offset,) * 2 for offset in self.offsets]

    def draw(self, seed: int, iteration: int) -> tuple[int, int]:
        """The base grid (h, w) of an iteration: every process draws the same one, at any time."""
        rng = random_generator('scale', seed, iteration)
        probabilities = torch.tensor(self.probabilities, dtype=torch.float64)
        return self.bases[torch.multinomial(probabilities, 1, generator=rng)]


def _numbers(name: str, numbers: Sequence) -> tuple:
    if not isinstance(numbers, Sequence) or not all(isinstance(number, Real) for number in numbers):
        raise InputError(f'{name} of the scales must be numbers, one a scale, in brackets, not {numbers!r}')
    return tuple(numbers)
