"""Which convolutions are computed faster on a CPU than by PyTorch, and how.

All are 3x3 with stride 1, but for one gradient. The thresholds were measured on one and on two cores with AVX-512.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from . import narrow_convolution, strided_convolution

# Pixels are those of an image: its batch must not matter.
_FEW, _MANY, _LEAST_FOR_FEW = 4, 64, 2**12  # channels of results and of sources, and pixels
_LEAST_CHANNELS, _LEAST_PIXELS, _LEAST_WORK = 32, 2**10, 2**22  # for tiles; the last is pixels times channels squared
_LEAST_CHANNELS_FOR_STRIDES = 128

_is_forked = threading.Event()
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
    known = large and x.dtype == torch.float32 and _is_known(x, weight)
    return strided_convolution.weight_gradient if known else None


def _module(x: Tensor, weight: Tensor, sources: int, results: int) -> ModuleType | None:
    """The module for a convolution, or a gradient by the input, of so many channels."""
    if not _is_known(x, weight):
        return None
    if results <= _FEW and sources >= _MANY and _pixels(x) >= _LEAST_FOR_FEW:
        return narrow_convolution
    least = min(sources, results)
    large = least >= _LEAST_CHANNELS and _pixels(x) >= _LEAST_PIXELS and least**2 * _pixels(x) >= _LEAST_WORK
    if not large or x.dtype != torch.float32:  # values at points need more digits than those of bfloat16
        return None
    return None if _is_forked.is_set() else _tiles()


@cache
def _tiles() -> ModuleType | None:
    """The module that convolves in tiles, where Numba is installed, which takes a third of a second to import.

    Numba ends a process that was forked from one where it had threads.
    """
    try:
        from . import tile_convolution
    except ImportError as error:
        advice = "pip install 'mmpe[cpu]'" if error.name == 'numba' else f'it cannot be imported: {error}'
        warnings.warn(f'convolutions on a CPU would take half the time with Numba: {advice}', stacklevel=2)
        return None
    if hasattr(os, 'register_at_fork'):
        os.register_at_fork(after_in_child=_is_forked.set)
    return tile_convolution


def _is_known(x: Tensor, weight: Tensor) -> bool:
    """Whether some algorithm is for such numbers, PyTorch does not refuse them, and nobody sees its operators."""
    return (
        _enabled.get()
        and not torch.jit.is_tracing()
        and not is_in_torch_dispatch_mode()
        and x.device.type == 'cpu'
        and x.dtype == weight.dtype in (torch.float32, torch.bfloat16)
        and weight.shape[2:] == (3, 3)
        and x.ndim == 4
        and x.shape[1] == weight.shape[1]
        and min(x.shape[2:]) >= 3
        and len(x) > 0
        and not torch.is_autocast_enabled('cpu')
        and {type(x), type(weight)} <= {Tensor, nn.Parameter}
    )


def _pixels(x: Tensor) -> int:
    return x.shape[2] * x.shape[3]
