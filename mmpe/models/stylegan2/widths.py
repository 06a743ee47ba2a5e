"""How many channels a layer has at which resolution, in both networks."""

from __future__ import annotations

from numbers import Integral, Real

from mmpe.errors import InputError


def num_halvings(name: str, size: int) -> int:
    """How often ``size`` can be halved down to 4.

    Raises:
        InputError: If it is not a power of 2, or less than 8; ``name`` is what the message calls it.
    """
    if not isinstance(size, Integral) or size < 8 or size & (size - 1):
        raise InputError(f'{name}={size!r} cannot work: it must be a power of 2, at least 8, such as 64 or 256')
    return int(size).bit_length() - 3


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
