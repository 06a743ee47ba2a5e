"""Where layers may be computed by other algorithms than PyTorch's: on a CPU, and where nobody sees the operators."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

_is_compiling = getattr(torch.compiler, 'is_compiling', lambda: False)
_is_in_functorch = torch._C._are_functorch_transforms_active  # of torch.func, which cannot see into a Function
_is_forked = threading.Event()
_enabled = ContextVar('faster algorithms', default=True)  # a thread's own


@contextmanager
def pytorch_layers() -> Iterator[None]:
    """Within, all convolutions and normalizations of this thread are PyTorch's own.

    >>> from mmpe.models.layers import convolve
    >>> with pytorch_layers():
    ...     convolve(torch.ones(1, 256, 32, 32), torch.ones(256, 256, 3, 3)).unique()
    tensor([2304.])
    """
    token = _enabled.set(False)
    try:
        yield
    finally:
        _enabled.reset(token)


def is_transformed() -> bool:
    """Whether what runs is compiled or traced by PyTorch, or transformed by ``torch.func``."""
    return _is_compiling() or _is_in_functorch() or torch.jit.is_tracing()


def is_ordinary(*tensors: Tensor) -> bool:
    """Whether tensors are plain ones of one type on a CPU, and nobody asks for PyTorch's operators, or sees them.

    >>> is_ordinary(torch.zeros(2)), is_ordinary(torch.zeros(2), torch.zeros(2, dtype=torch.float64))
    (True, False)
    """
    return (
        all(tensor.device.type == 'cpu' and tensor.dtype == tensors[0].dtype for tensor in tensors)
        and {type(tensor) for tensor in tensors} <= {Tensor, nn.Parameter}
        and _enabled.get()
        and not torch.is_autocast_enabled('cpu')
        and not torch.jit.is_tracing()
        and not is_in_torch_dispatch_mode()
    )


def compiled_module(name: str) -> ModuleType | None:
    """A module of this package whose loops Numba compiles; None where it cannot.

    Numba ends a process that was forked from one where it had threads.

    >>> compiled_module('tile_convolution').__name__
    'mmpe.models.layers.tile_convolution'
    """
    return None if _is_forked.is_set() else _module(name)


@cache
def _module(name: str) -> ModuleType | None:
    return import_module(f'.{name}', __package__) if _has_numba() else None


@cache
def _has_numba() -> bool:
    """Whether there is one, which takes a third of a second to import."""
    try:
        import_module('.numba_loops', __package__)
    except ImportError as error:
        advice = "pip install 'mmpe[cpu]'" if error.name == 'numba' else f'it cannot be imported: {error}'
        warnings.warn(f'convolutions on a CPU would take half the time with Numba: {advice}', stacklevel=2)
        return False
    if hasattr(os, 'register_at_fork'):
        os.register_at_fork(after_in_child=_is_forked.set)
    return True
