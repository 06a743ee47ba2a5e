"""The padding of a module, and copies with other padding or without padding."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from mmpe.models.padding import mode_of, remove_padding, set_padding
from mmpe.models.padding import modes as padding_modes
from mmpe.progress import tracked


def swapped(module: nn.Module, mode: str | dict) -> nn.Module:
    """A copy whose convolutions and pad layers have another padding mode.

    See :func:`mmpe.models.padding.set_padding`, which changes the module itself, for modes and errors.

    >>> net = nn.Conv2d(1, 1, 3, padding=1)
    >>> padding_names(swapped(net, 'reflect')), padding_names(net)
    (['reflect'], ['zero'])
    """
    return set_padding(copy.deepcopy(module), mode)


def with_each(
    module: nn.Module, modes: Sequence[str | dict] | None, measure: Callable[[nn.Module], Any], progress: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Measure copies of a module with each of several padding modes.

    Args:
        module: Any module. It is not changed.
        modes: Padding modes, as :func:`mmpe.models.padding.set_padding` takes them. None: all modes.
        measure: The measurement of a copy.
        progress: Label of the progress bar.

    Returns:
        The results, and the reasons why other modes are not possible, both by mode.
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
    """A copy whose convolutions and pad layers do not pad, so that its maps shrink.

    >>> import torch
    >>> unpadded(nn.Conv2d(1, 1, 3, padding=1))(torch.zeros(1, 1, 8, 8)).shape
    torch.Size([1, 1, 6, 6])
    """
    return remove_padding(copy.deepcopy(module))


def padding_names(module: nn.Module) -> list[str]:
    """The padding modes of a module's layers, the most frequent first, see :func:`mmpe.models.padding.mode_of`.

    Padding by a function in a ``forward`` is not found.
    """
    modes = [mode_of(part) for part in module.modules()]
    modes = [mode for mode in modes if mode not in (None, 'none')]
    return sorted(set(modes), key=lambda mode: (-modes.count(mode), mode))
