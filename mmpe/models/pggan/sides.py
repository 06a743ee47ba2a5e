"""Sides, widths and weights of transition, which generator and discriminator have in common."""

from __future__ import annotations

from mmpe.errors import InputError
from mmpe.numbers import check_real, check_whole

from ..doubling_generator import BASE


def widths(num_halvings: int, base_channels: int, channel_decay: float, max_channels: int) -> list[int]:
    """Channels of the maps of 4, 8, 16, ... pixels: ``base_channels / 2 ** (decay * i)`` for i = 1, 2, 3, ...

    Raises:
        InputError: If one of them would be less than 1.

    >>> widths(3, base_channels=64, channel_decay=1.0, max_channels=24)
    [24, 16, 8, 4]
    """
    check_whole(1, base_channels=base_channels, max_channels=max_channels)
    check_real(0, 64, channel_decay=channel_decay)
    channels = [min(int(base_channels / 2 ** (channel_decay * (i + 1))), max_channels) for i in range(num_halvings + 1)]
    if min(channels) < 1:
        raise InputError(
            f'base_channels={base_channels}, channel_decay={channel_decay} and max_channels={max_channels} give maps '
            f'of {channels} channels: they need at least 1 each; 8192, 1 and 512 are usual'
        )
    return channels


def level(side: int | None, num_halvings: int) -> int:
    """How often 4 is doubled to give a side; None is the largest.

    Raises:
        InputError: If the network does not have the side.

    >>> level(16, num_halvings=3), level(None, num_halvings=3)
    (2, 3)
    """
    sides = [BASE << i for i in range(num_halvings + 1)]
    if side is not None and side not in sides:
        raise InputError(f'curr_scale={side!r} cannot work: the sides here are {", ".join(map(str, sides))}')
    return num_halvings if side is None else sides.index(side)


def share(transition_weight: float) -> float:
    """The weight of the newest layers as a number.

    Raises:
        InputError: If it is not from 0 to 1.

    >>> share(1)
    1.0
    """
    check_real(0, 1, transition_weight=transition_weight)
    return float(transition_weight)
