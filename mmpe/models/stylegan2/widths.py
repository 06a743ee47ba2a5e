"""How many channels a layer has at which resolution, in both networks."""

from __future__ import annotations

from numbers import Integral, Real

from mmpe.errors import InputError


def widths(num_halvings: int, channel_multiplier: float, max_channels: int) -> list[int]:
    """Channels at the resolutions 4, 8, 16, ...: 16384 times the multiplier over the resolution, up to a limit.

    Raises:
        InputError: If the multiplier or the limit is less than 1.
    """
    if not isinstance(channel_multiplier, Real) or channel_multiplier < 1:
        raise InputError(f'channel_multiplier={channel_multiplier!r} cannot work: it must be at least 1; 2 is usual')
    if not isinstance(max_channels, Integral) or max_channels < 1:
        raise InputError(f'max_channels={max_channels!r} cannot work: it must be a number of channels; 512 is usual')
    return [max(1, min(max_channels, int(16384 * channel_multiplier) >> (2 + i))) for i in range(num_halvings + 1)]
