"""A module's padding: what it is, and copies that have another or none."""

from __future__ import annotations

import copy

from torch import nn

from mmpe.models.padding import mode_of, remove_padding, set_padding


def swapped(module: nn.Module, mode) -> nn.Module:
    """A copy whose convolutions and pad layers see something else past the border.

    As :func:`mmpe.models.padding.set_padding`, but the module itself is left alone.

    Raises:
        ValueError, TypeError: As there.
    """
    return set_padding(copy.deepcopy(module), mode)


def unpadded(module: nn.Module) -> nn.Module:
    """A copy whose convolutions, and pad layers, show nothing past the border; maps shrink."""
    return remove_padding(copy.deepcopy(module))


def padding_names(module: nn.Module) -> list[str]:
    """Modes of padding of its layers, see :func:`mmpe.models.padding.mode_of`, the most frequent first.

    What a ``forward`` pads by a function is not seen.
    """
    modes = [mode_of(part) for part in module.modules()]
    modes = [mode for mode in modes if mode not in (None, 'none')]
    return sorted(set(modes), key=lambda mode: (-modes.count(mode), mode))
