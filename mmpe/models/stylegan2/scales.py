"""The scales of multi-scale training: which there are, which one an iteration trains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import torch

from mmpe.errors import InputError
from mmpe.numbers import check_numbers, check_real, check_whole
from mmpe.random_numbers import random_generator


class Scales:
    """The scales that a generator is trained at (MS-PIE, sec. 4.2).

    Args:
        offsets (Sequence[int]): What is added to the base grid's side; no sum may be below 1.
        probabilities (Sequence[float]): How often each is trained, with a sum of 1.
        base (int): Side of the base grid at offset 0, the generator's.

    Attributes:
        offsets (tuple[int, ...]): See above.
        bases (list[tuple[int, int]]): (h, w) of each base grid.

    Raises:
        InputError: If the two are of different length, or one has a value that cannot be.
    """

    def __init__(self, offsets: Sequence[int] = (0,), probabilities: Sequence[float] = (1.0,), base: int = 4):
        check_numbers(partial(check_whole, 1 - base), offsets=offsets)
        check_numbers(partial(check_real, 0, 1), probabilities=probabilities)
        self.offsets, self.probabilities = tuple(offsets), tuple(probabilities)
        if len(self.offsets) != len(self.probabilities):
            raise InputError(
                f'{len(self.offsets)} scales, {list(self.offsets)}, but {len(self.probabilities)} probabilities, '
                f'{list(self.probabilities)}: give every scale one'
            )
        if not math.isclose(sum(self.probabilities), 1, abs_tol=1e-6):
            raise InputError(
                f'the probabilities of scales must sum to 1: {list(self.probabilities)} sum to '
                f'{sum(self.probabilities):g}'
            )
        self.bases = [(base + offset,) * 2 for offset in self.offsets]

    def draw(self, seed: int, iteration: int) -> tuple[int, int]:
        """The base grid (h, w) of an iteration: every process draws the same one, at any time."""
        rng = random_generator('scale', seed, iteration)
        probabilities = torch.tensor(self.probabilities, dtype=torch.float64)
        return self.bases[torch.multinomial(probabilities, 1, generator=rng)]
