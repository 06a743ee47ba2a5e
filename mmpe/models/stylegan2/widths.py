"""How many channels a layer has at which resolution, in both networks."""

from __future__ import annotations

from mmpe.numbers import check_above, check_whole


def widths(num_halvings: int, channel_multiplier: float, max_channels: int) -> list[int]:
    """Channels at the resolutions 4, 8, 16, ...: 16384 times the multiplier over the resolution, up to a limit.

    Raises:
        InputError: If the multiplier is not above 0, or the limit is less than 1.

    >>> widths(6, channel_multiplier=2, max_channels=512)
    [512, 512, 512, 512, 512, 256, 128]
    """
    check_above(0, channel_multiplier=channel_multiplier)
    check_whole(1, max_channels=max_channels)
    return [max(1, min(max_channels, int(16384 * channel_multiplier) >> (2 + i))) for i in range(num_halvings + 1)]
