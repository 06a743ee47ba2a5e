"""Which convolutions are computed faster on a CPU than by PyTorch, and how.

All are 3x3 with stride 1, but for one gradient. The thresholds were measured on one and on two cores with AVX-512.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType

import torch
from torch import Tensor

from . import narrow_convolution, row_convolution, tile_convolution

_FEW, _MANY, _MANY_FOR_TILES, _MOST_FOR_ROWS = 4, 64, 128, 255  # channels
_LEAST_PIXELS, _LEAST_FOR_ROWS, _LEAST_FOR_TILES = 2**12, 2**13, 2**10  # of an image: its batch must not matter

_enabled = ContextVar('fast convolutions', default=True)  # a thread's own


@contextmanager
def direct_convolutions() -> Iterator[None]:
    """Within, all convolutions of this thread are PyTorch's own.

    >>> from mmpe.models.layers import convolve
    >>> with direct_convolutions():
    ...     convolve(torch.ones(1, 256, 32, 32), torch.ones(256, 256, 3, 3)).unique()
    tensor([2304.])
    """
    token = _enabled.set(False)
    try:
        yield
    finally:
        _enabled.reset(token)


def convolver(x: Tensor, weight: Tensor) -> Callable[..., Tensor] | None:
    """What convolves ``x`` (N, I, H, W) with ``weight`` (O, I, 3, 3), from them, a bias and the padding.

    None: PyTorch does, or says what is wrong with them.

    >>> convolver(torch.zeros(1, 256, 32, 32), torch.zeros(256, 256, 3, 3)).__module__
    'mmpe.models.layers.tile_convolution'
    >>> convolver(torch.zeros(1, 64, 80, 80), torch.zeros(3, 64, 3, 3)).__module__
    'mmpe.models.layers.narrow_convolution'
    """
    module = _module(x, weight, *weight.shape[1::-1])
    return None if module is None else module.convolve


def input_gradient(x: Tensor, weight: Tensor) -> Callable[..., Tensor] | None:
    """What finds the gradient by ``x``, from that by the result, ``weight`` and the padding.

    >>> input_gradient(torch.zeros(1, 64, 85, 128), torch.zeros(64, 64, 3, 3)).__module__
    'mmpe.models.layers.row_convolution'
    """
    module = _module(x, weight, *weight.shape[:2])
    return None if module is None else module.input_gradient


def weight_gradient(x: Tensor, weight: Tensor) -> Callable[..., Tensor] | None:
    """What finds the gradient by ``weight``, from that by the result, ``x`` and the padding.

    >>> weight_gradient(torch.zeros(1, 64, 80, 80), torch.zeros(64, 64, 3, 3)) is None
    True
    """
    if not _is_known(x, weight):
        return None
    outputs, inputs = weight.shape[:2]
    if outputs <= _FEW and inputs >= _MANY and _pixels(x) >= _LEAST_PIXELS:
        return narrow_convolution.weight_gradient
    return tile_convolution.weight_gradient if _has_tiled_gradient(x, weight) else None


def strided_weight_gradient(x: Tensor, weight: Tensor) -> Callable[..., Tensor] | None:
    """The same without padding, from that by the result, ``x`` and the stride.

    >>> strided_weight_gradient(torch.zeros(1, 256, 33, 33), torch.zeros(256, 256, 3, 3)).__name__
    'strided_weight_gradient'
    """
    tiled = _is_known(x, weight) and _has_tiled_gradient(x, weight)
    return tile_convolution.strided_weight_gradient if tiled else None


def _module(x: Tensor, weight: Tensor, sources: int, results: int) -> ModuleType | None:
    """The module for a convolution, or a gradient by the input, of so many channels."""
    if not _is_known(x, weight):
        return None
    if results <= _FEW and sources >= _MANY and _pixels(x) >= _LEAST_PIXELS:
        return narrow_convolution
    if x.dtype != torch.float32:  # values at points need more digits
        return None
    least = min(sources, results)
    if _MANY <= least <= _MOST_FOR_ROWS and _pixels(x) >= _LEAST_FOR_ROWS:
        return row_convolution
    return tile_convolution if least >= _MANY_FOR_TILES and _pixels(x) >= _LEAST_FOR_TILES else None


def _is_known(x: Tensor, weight: Tensor) -> bool:
    """Whether some algorithm is for such numbers, and PyTorch would not refuse them."""
    return (
        _enabled.get()
        and x.device.type == 'cpu'
        and x.dtype == weight.dtype in (torch.float32, torch.bfloat16)
        and not torch.is_autocast_enabled('cpu')
        and weight.shape[2:] == (3, 3)
        and x.ndim == 4
        and x.shape[1] == weight.shape[1]
        and min(x.shape[2:]) >= 3
        and len(x) > 0
    )


def _has_tiled_gradient(x: Tensor, weight: Tensor) -> bool:
    return x.dtype == torch.float32 and min(weight.shape[:2]) >= _MANY_FOR_TILES and _pixels(x) >= _LEAST_FOR_TILES


def _pixels(x: Tensor) -> int:
    return x.shape[2] * x.shape[3]
