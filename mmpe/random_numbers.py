"""Random numbers that depend on their purpose, and not on what was drawn before."""

from __future__ import annotations

import zlib

import numpy as np
import torch

from mmpe.numbers import MOST_SEED, check_whole


def random_generator(purpose: str, *place: int) -> torch.Generator:
    """A generator of random numbers for one purpose, at one place in a space of whole numbers.

    Generators of different purposes and places are independent. A training rule that makes one at every step draws the
    same numbers after a resume, without saving any state.

    Args:
        purpose: What is drawn. No other purpose may have the same name: NumPy alone would take the places (0, 0) and
            (0, 0, 0) for the same.
        *place: Whole numbers of at least 0, such as (seed, iteration, number of the image).

    Returns:
        A generator on the CPU.

    Raises:
        InputError: If a number is not valid: see :func:`check_seed`.

    >>> rng = random_generator('noise', 2021, 5)
    >>> torch.equal(torch.randn(3, generator=rng), torch.randn(3, generator=random_generator('noise', 2021, 5)))
    True
    """
    for number in place:
        check_seed(number)
    entropy = (zlib.crc32(purpose.encode()), len(place), *map(int, place))
    return torch.Generator().manual_seed(int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]))


def check_draws(num: int, seed: int) -> None:
    """Refuse a number of images, or a seed, that is not valid.

    Raises:
        InputError: If one is not a whole number, or out of its range.

    >>> check_draws(num=0, seed=1)
    Traceback (most recent call last):
    mmpe.errors.InputError: num=0 cannot work: it must be at least 1
    """
    check_whole(1, num=num)
    check_seed(seed)


def check_seed(seed: int) -> None:
    """Refuse a seed that is not valid.

    Raises:
        InputError: If it is not a whole number from 0 to 2^64 - 1.

    >>> check_seed(2021)
    """
    check_whole(0, MOST_SEED, seed=seed)
