"""A module's padding: what it is, and copies that have another or none."""

from __future__ import annotations

import copy

from torch import nn

from mmpe.models.padding import Pad, PadInput, set_padding

_TORCH_PADS = {
    nn.ConstantPad2d: 'zero',
    nn.ReflectionPad2d: 'reflect',
    nn.ReplicationPad2d: 'replicate',
    nn.CircularPad2d: 'circular',
}


def swapped(module: nn.Module, mode) -> nn.Module:
    """A copy whose convolutions and pad layers see something else past the border.

    As :func:`mmpe.models.padding.set_padding`, but the module itself is left alone.

    Raises:
        ValueError, TypeError: As there.
    """
    return set_padding(copy.deepcopy(module), mode)


def unpadded(module: nn.Module) -> nn.Module:
    """A copy whose convolutions, and pad layers, show nothing past the border; maps shrink."""
    module = copy.deepcopy(module)
    for part in module.modules():
        hook = _hook(part)
        if hook:
            hook.detach(part)
        if isinstance(part, nn.Conv2d):
            part.padding, part.padding_mode = (0, 0), 'zeros'
        elif isinstance(part, (Pad, *_TORCH_PADS)):
            part.padding = (0, 0, 0, 0)
    return module


def padding_names(module: nn.Module) -> list[str]:
    """Modes of padding in use, names of :data:`mmpe.models.padding.MODES` where they have one, most frequent first."""
    modes = [_mode(part) for part in module.modules()]
    modes = [mode for mode in modes if mode not in (None, 'none')]
    return sorted(set(modes), key=lambda mode: (-modes.count(mode), mode))


def _mode(part: nn.Module) -> str | None:
    if hook := _hook(part):
        return hook.layer.mode
    if isinstance(part, Pad):
        return part.mode if any(part.padding) else None
    if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)):
        sees_past = isinstance(part, nn.ConvTranspose2d) and max(part.kernel_size) > max(part.stride)
        pads = part.padding != 'valid' and (isinstance(part.padding, str) or any(part.padding))
        if not sees_past and not (pads and isinstance(part, nn.Conv2d) and max(part.kernel_size) > 1):
            return None
        return 'zero' if part.padding_mode == 'zeros' else part.padding_mode
    return next((name for cls, name in _TORCH_PADS.items() if isinstance(part, cls)), None)


def _hook(part: nn.Module) -> PadInput | None:
    return next((hook for hook in part._forward_pre_hooks.values() if isinstance(hook, PadInput)), None)
