"""Which convolutions are computed faster on a CPU than by PyTorch, and how.

All are 3x3 with stride 1, but for one gradient. The thresholds were measured on one and on two cores with AVX-512.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import torch
from torch import Tensor

from . import narrow_convolution, strided_convolution
from .faster_on_cpu import compiled_module, is_ordinary

# Pixels are those of an image: its batch must not matter.
_FEW, _MANY, _LEAST_FOR_FEW = 4, 64, 2**12  # channels of results and of sources, and pixels
_LEAST_CHANNELS, _LEAST_PIXELS, _LEAST_WORK = 32, 2**10, 2**22  # for tiles; the last is pixels times channels squared
_LEAST_CHANNELS_FOR_STRIDES = 128


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
    'mmpe.models.layers.tile_convolution'
    """
    module = _module(x, weight, *weight.shape[:2])
    return None if module is None else module.input_gradient


def weight_gradient(x: Tensor, weight: Tensor) -> Callable[..., Tensor] | None:
    """What finds the gradient by ``weight``, from that by the result, ``x`` and the padding.

    >>> weight_gradient(torch.zeros(1, 64, 8, 8), torch.zeros(64, 64, 3, 3)) is None
    True
    """
    module = _module(x, weight, *weight.shape[1::-1])
    return None if module is None else module.weight_gradient


def strided_weight_gradient(x: Tensor, weight: Tensor) -> Callable[..., Tensor] | None:
    """The same without padding, from that by the result, ``x`` and the stride.

    >>> strided_weight_gradient(torch.zeros(1, 256, 33, 33), torch.zeros(256, 256, 3, 3)).__module__
    'mmpe.models.layers.strided_convolution'
    """
    large = min(weight.shape[:2]) >= _LEAST_CHANNELS_FOR_STRIDES and _pixels(x) >= _LEAST_PIXELS
    known = large and x.dtype == torch.float32 and _is_3x3(x, weight) and is_ordinary(x, weight)
    return strided_convolution.weight_gradient if known else None


def _module(x: Tensor, weight: Tensor, sources: int, results: int) -> ModuleType | None:
    """The module for a convolution, or a gradient by the input, of so many channels."""
    if not _is_3x3(x, weight):
        return None
    few = results <= _FEW and sources >= _MANY and _pixels(x) >= _LEAST_FOR_FEW
    least = min(sources, results)
    large = least >= _LEAST_CHANNELS and _pixels(x) >= _LEAST_PIXELS and least**2 * _pixels(x) >= _LEAST_WORK
    large = large and x.dtype == torch.float32  # values at points need more digits than those of bfloat16
    if not (few or large) or not is_ordinary(x, weight):
        return None
    return narrow_convolution if few else compiled_module('tile_convolution')


def _is_3x3(x: Tensor, weight: Tensor) -> bool:
    """Whether it is a convolution of images by 3x3 kernels that PyTorch does not refuse, of numbers that are known."""
    return (
        weight.shape[2:] == (3, 3)
        and x.ndim == 4
        and x.shape[1] == weight.shape[1]
        and min(x.shape[2:]) >= 3
        and len(x) > 0
        and x.dtype in (torch.float32, torch.bfloat16)
    )


def _pixels(x: Tensor) -> int:
    return x.shape[2] * x.shape[3]
