"""A module's padding: what it is, and copies that have another or none."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from mmpe.models.padding import mode_of, remove_padding, set_padding
from mmpe.models.padding import modes as padding_modes
from mmpe.progress import tracked


def swapped(module: nn.Module, mode: str | dict) -> nn.Module:
    """A copy whose convolutions and pad layers see something else past the border.

    As :func:`mmpe.models.padding.set_padding`, but the module itself is left alone.

    Raises:
        ValueError, TypeError: As there.

    >>> net = nn.Conv2d(1, 1, 3, padding=1)
    >>> padding_names(swapped(net, 'reflect')), padding_names(net)
    (['reflect'], ['zero'])
    """
    return set_padding(copy.deepcopy(module), mode)


def with_each(
    module: nn.Module, modes: Sequence[str | dict] | None, measure: Callable[[nn.Module], Any], progress: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Measure a copy of a module with each of several paddings.

    Args:
        module: It is left alone.
        modes: As :func:`mmpe.models.padding.set_padding` takes them; None: all.
        measure: Of a copy.
        progress: What the progress bar says.

    Returns:
        By mode, what was found, and why others cannot be had.
    """
    found, refused = {}, {}
    wanted = [mode for mode in padding_modes() if mode != 'none'] if modes is None else modes
    for mode in tracked(wanted, progress):
        name = mode if isinstance(mode, str) else ' '.join(map(str, mode.values()))
        try:
            found[name] = measure(swapped(module, mode))
        except (ValueError, TypeError) as error:
            refused[name] = ' '.join(str(error).split())
    return found, refused


def unpadded(module: nn.Module) -> nn.Module:
    """A copy whose convolutions, and pad layers, show nothing past the border; maps shrink.

    >>> import torch
    >>> unpadded(nn.Conv2d(1, 1, 3, padding=1))(torch.zeros(1, 1, 8, 8)).shape
    torch.Size([1, 1, 6, 6])
    """
    return remove_padding(copy.deepcopy(module))


def padding_names(module: nn.Module) -> list[str]:
    """Modes of padding of its layers, see :func:`mmpe.models.padding.mode_of`, the most frequent first.

    What a ``forward`` pads by a function is not seen.
    """
    modes = [mode_of(part) for part in module.modules()]
    modes = [mode for mode in modes if mode not in (None, 'none')]
    return sorted(set(modes), key=lambda mode: (-modes.count(mode), mode))
