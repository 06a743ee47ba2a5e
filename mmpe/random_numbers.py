"""Random numbers that depend on what they are for, and not on what was drawn before."""

from __future__ import annotations

import zlib

import numpy as np
import torch

from mmpe.numbers import MOST_SEED, check_whole


def random_generator(purpose: str, *place: int) -> torch.Generator:
    """A generator for a purpose and a place in a space of whole numbers; neighbours have nothing in common.

    What draws from one of its own at every step draws the same after a resume, with no state to keep.

    Args:
        purpose: What is drawn. It comes first, as NumPy does not tell (0, 0) from (0, 0, 0): what was drawn for one
            purpose must not be drawn again for another.
        *place: Not negative, such as (seed, iteration, number of the image).

    Returns:
        On the CPU.

    Raises:
        InputError: If a number is not such: seeds come from people.
    """
    for number in place:
        check_seed(number)
    entropy = (zlib.crc32(purpose.encode()), len(place), *map(int, place))
    return torch.Generator().manual_seed(int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]))


def check_draws(num: int, seed: int) -> None:
    """Refuse a number of images, or a seed, that is none.

    Raises:
        InputError: If it is not a whole number, or out of its range.
    """
    check_whole(1, num=num)
    check_seed(seed)


def check_seed(seed: int) -> None:
    """Refuse what is no seed.

    Raises:
        InputError: If it is not a whole number of at least 0, and of 64 bits at most.
    """
    check_whole(0, MOST_SEED, seed=seed)
