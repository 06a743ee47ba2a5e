"""Training without memory: tensors that have shapes and no numbers, and a count of what they would take."""

from __future__ import annotations

import math
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_MOST_REAL = 4096
_READ = 1  # what is read of a tensor that has no numbers


class DryRun(TorchDispatchMode):
    """Within, tensors have no numbers; what they would take is counted, by the kind of work.

    What a training rule decides by has its numbers: counters, sizes, shares and random choices, that is, few whole
    numbers, float64 and single numbers that depend on nothing else.

    Attributes:
        live: Bytes of all tensors that are there now.
        peaks: The most bytes that have been there at once, by the kind of work.

    >>> with DryRun() as run:
    ...     run.begin('sum')
    ...     x = torch.ones(1000, 1000)
    ...     y = (x + x).sum()
    >>> run.peaks['sum'] // 4, run.live // 4
    (2000001, 1000001)
    """

    def __init__(self):
        super().__init__()
        self.live = 0
        self.peaks: dict[str, int] = defaultdict(int)
        self._kind = ''
        self._fake = FakeTensorMode(allow_non_fake_inputs=True)
        self._known: dict[int, weakref.ref] = {}

    def begin(self, kind: str) -> None:
        """Count what follows as work of a kind."""
        self._kind = kind
        self._note()

    def __torch_dispatch__(self, function: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None):
        result = self._run(function, args, kwargs or {})
        for tensor in _tensors(result):
            self._count(tensor)
        return result

    def _run(self, function: Callable, args: tuple, kwargs: dict):
        given = _tensors((args, kwargs))
        if given and all(map(_has_numbers, given)):
            return function(*args, **kwargs)
        if function is torch.ops.aten._local_scalar_dense.default:
            return _READ
        with self._fake:
            result = function(*args, **kwargs)
        if not given and all(map(_decides, _tensors(result))):
            return function(*args, **kwargs)
        return result

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        size = storage.nbytes()
        self._known[key] = weakref.ref(storage, lambda _: self._forget(key, size))
        self.live += size
        self._note()

    def _forget(self, key: int, size: int) -> None:
        del self._known[key]
        self.live -= size

    def _note(self) -> None:
        self.peaks[self._kind] = max(self.peaks[self._kind], self.live)


def as_dry(model: nn.Module) -> nn.Module:
    """Replace the parameters and buffers of a model on the device ``meta`` by those of a dry run, in place.

    Whole numbers and single numbers become 0.

    >>> with torch.device('meta'):
    ...     model = nn.BatchNorm2d(1000)
    >>> with DryRun() as run:
    ...     as_dry(model).num_batches_tracked.item(), run.live // 4 // 1000
    (0, 4)
    """
    for part in model.modules():
        for name, tensor in part._parameters.items():
            if tensor is not None:
                part._parameters[name] = nn.Parameter(_dry(tensor), tensor.requires_grad)
        for name, tensor in part._buffers.items():
            if tensor is not None:
                part._buffers[name] = _dry(tensor)
    return model


def _dry(tensor: Tensor) -> Tensor:
    if _decides(tensor):
        return torch.zeros(tensor.shape, dtype=tensor.dtype)
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)


def size_of(tensors: Iterable[Tensor]) -> int:
    """Bytes of tensors, those that share memory counted once.

    >>> weight = torch.zeros(2, 3)
    >>> size_of([weight, weight[0]])
    24
    """
    return sum({tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes() for tensor in tensors}.values())


def size_of_model(model: nn.Module) -> int:
    """Bytes of all parameters and buffers.

    >>> size_of_model(nn.Linear(2, 3))
    36
    """
    return size_of([*model.parameters(), *model.buffers()])


def _tensors(result: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]


def _has_numbers(tensor: Tensor) -> bool:
    return not isinstance(tensor, FakeTensor) and _decides(tensor)


def _decides(tensor: Tensor) -> bool:
    is_map = tensor.is_floating_point() and tensor.dtype != torch.float64 and tensor.ndim > 0
    return not is_map and math.prod(tensor.shape) <= _MOST_REAL
