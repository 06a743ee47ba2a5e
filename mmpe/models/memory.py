"""Whether memory can hold the images that are to be drawn, asked before they are."""

from __future__ import annotations

from pathlib import Path

import torch
from mmengine.model import BaseModel
from torch import Tensor
from torch.nn.modules.module import register_module_forward_hook

from mmpe.errors import InputError

MAPS_ALIVE = 5
"""As measured for a chain of convolutions: input, padded input, output, and what oneDNN makes of them."""

_COPIES = 2  # of finished images: apart, and put together
_ASSUMED_MEMORY = 2**33


def check_memory(model: BaseModel, size: tuple[int, int], num: int = 1) -> int:
    """Refuse images that memory cannot hold.

    Args:
        model (BaseModel): What drawing an image takes is measured, unless its ``memory_of_an_image(size)`` says.
        size (tuple[int, int]): (H, W).
        num (int): How many are drawn one by one, and kept.

    Returns:
        int: Bytes that drawing one takes, about.

    Raises:
        InputError: If there is less memory than they take.
    """
    if hasattr(model, 'memory_of_an_image'):
        of_one = model.memory_of_an_image(size)
    else:
        of_one = int(MAPS_ALIVE * 4 * _largest_map(model) * size[0] * size[1])
    needed = of_one + (num - 1) * _COPIES * 3 * 4 * size[0] * size[1]
    available = available_memory(next(model.parameters()).device)
    if needed > available:
        what, advice = ('an image', 'a smaller size') if num == 1 else (f'{num} images', 'fewer, or a smaller size')
        raise InputError(
            f'{what} of {size[0]}x{size[1]} would take about {_gib(needed)} of memory, and {_gib(available)} are '
            f'available: choose {advice}'
        )
    return of_one


def available_memory(device: torch.device) -> int:
    """Bytes that a device has left."""
    if device.type == 'cuda':
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + cached
    try:
        # not sysconf's free pages: those leave out the file cache, which gives way
        lines = Path('/proc/meminfo').read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith('MemAvailable:'))
    except (OSError, StopIteration):
        return _ASSUMED_MEMORY


def _largest_map(model) -> float:
    """Numbers in the largest map between two layers, for each pixel of the image.

    Measured on an image of the model's own size: the widest layers need not be those at full resolution.
    """
    largest = 0

    def note(module, inputs, output):
        nonlocal largest
        if isinstance(output, Tensor):
            largest = max(largest, output.numel())

    with register_module_forward_hook(note):
        height, width = model.sample(num=1).shape[-2:]
    return largest / (height * width)


def _gib(size: int) -> str:
    return f'{size / 2**30:,.1f} GiB'
