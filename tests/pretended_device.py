"""A CUDA device that is not there: numbers on the CPU, and the rules of a GPU. It needs neither a GPU nor a CUDA build.

A :class:`PretendedTensor` wraps a CPU tensor and says that it is on ``cuda:0``: to Python, autograd and autocast it is.
Each operator on it

1. is refused where CUDA refuses: mixed devices, ``.numpy()``, random numbers on the device by a generator on the CPU;
2. is counted in the :class:`Log`, with the line that asks for it if the device has to synchronize for it: a number read
   (``.item()``, ``int()``, ``if tensor:``), a copy to the host, a copy to the device from memory that is not pinned or
   that blocks, a shape that depends on data;
3. runs on the CPU tensors inside, and its results are wrapped: training trains.

What it cannot see: the limits of kernels (shared memory, types that a kernel lacks), TF32, streams, NCCL.

The device guard is compiled by g++, and what it puts in place stays: whatever runs in a process that has called
:func:`pretended_cuda` runs within it. So the tests run it in processes of their own.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import mmengine
import torch
from torch.optim import optimizer as optimizers
from torch.utils import _foreach_utils
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_map

import mmpe

GUARD = r"""
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <new>
using namespace c10;
static const Device pretended(DeviceType::CUDA, 0);
struct Guard : impl::NoOpDeviceGuardImpl<DeviceType::CUDA> {
  Device exchangeDevice(Device) const override { return pretended; }
  Device getDevice() const override { return pretended; }
  Stream getStream(Device) const noexcept override { return Stream(Stream::DEFAULT, pretended); }
  Stream exchangeStream(Stream) const noexcept override { return Stream(Stream::DEFAULT, pretended); }
};
struct Hooks : at::CUDAHooksInterface {
  bool hasCUDA() const override { return true; }
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(DeviceIndex) const override { return true; }
  DeviceIndex deviceCount() const override { return 1; }
  DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(DeviceIndex) const override {}
  DeviceIndex exchangeDevice(DeviceIndex) const override { return 0; }
  DeviceIndex maybeExchangeDevice(DeviceIndex) const override { return 0; }
  void init() const override {}
  std::string showConfig() const override { return "  - CUDA: pretended\n"; }
  void deviceSynchronize(DeviceIndex) const override {}
};
static bool in_place = [] {
  auto& guard = impl::device_guard_impl_registry[static_cast<size_t>(DeviceType::CUDA)];
  if (!guard.load()) guard.store(new Guard());
  auto& hooks = const_cast<at::CUDAHooksInterface&>(at::detail::getCUDAHooks());
  static_assert(sizeof(Hooks) == sizeof(at::CUDAHooksInterface));
  if (!hooks.hasCUDA()) new (&hooks) Hooks();
  return true;
}();
"""

CUDA = torch.device('cuda', 0)
aten = torch.ops.aten
PROPERTIES = SimpleNamespace(
    name='pretended',
    major=8,
    minor=0,
    total_memory=80 * 2**30,
    multi_processor_count=108,
    max_threads_per_multi_processor=2048,
    regs_per_multiprocessor=65536,
    warp_size=32,
)
CUDA_FUNCTIONS = dict(
    _is_in_bad_fork=lambda: False,
    _lazy_init=lambda: None,
    current_device=lambda: 0,
    device_count=lambda: 1,
    empty_cache=lambda: None,
    get_device_capability=lambda device=None: (8, 0),
    get_device_name=lambda device=None: PROPERTIES.name,
    get_device_properties=lambda device=None: PROPERTIES,
    get_rng_state=lambda device=0: torch.zeros(16, dtype=torch.uint8),
    is_available=lambda: True,
    is_bf16_supported=lambda *args, **kwargs: True,
    is_current_stream_capturing=lambda: False,
    is_initialized=lambda: True,
    manual_seed=lambda seed: None,
    manual_seed_all=lambda seed: None,
    max_memory_allocated=lambda device=None: 0,
    mem_get_info=lambda device=None: (PROPERTIES.total_memory, PROPERTIES.total_memory),
    memory_allocated=lambda device=None: 0,
    memory_reserved=lambda device=None: 0,
    reset_peak_memory_stats=lambda device=None: None,
    set_device=lambda device: None,
    set_rng_state=lambda state, device=0: None,
    synchronize=lambda device=None: None,
)

_TAKE_ANY_DEVICE = {
    aten._index_put_impl_.default,
    aten._to_copy.default,
    aten._unsafe_index.Tensor,
    aten._unsafe_index_put.default,
    aten.copy_.default,
    aten.index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
}
_SHAPE_DEPENDS_ON_DATA = {
    *('_linalg_eigh', '_linalg_svd', '_unique2', 'bincount', 'cholesky', 'equal', 'histc', 'linalg_eigh', 'linalg_qr'),
    *('masked_select', 'nonzero', 'repeat_interleave', 'unique_dim'),
}
_LAUNCHES_NOTHING = {
    *('_reshape_alias', '_unsafe_view', 'alias', 'as_strided', 'detach', 'diagonal', 'empty', 'empty_like'),
    *('empty_strided', 'expand', 'new_empty', 'permute', 'reshape', 'select', 'slice', 'split', 'split_with_sizes'),
    *('squeeze', 't', 'transpose', 'unbind', 'unfold', 'unsqueeze', 'view', 'view_as_real'),
}
_DRAWS = {'bernoulli', 'normal', 'normal_', 'rand', 'randint', 'randn', 'random_', 'randperm', 'uniform_'}


@dataclass
class Log:
    """What a GPU would have had to do.

    Args:
        synchronizations: How often, by (kind, place).
        kernels: How often an operator ran on the device, about what would be launched.
        drawn_on_cpu: How many random numbers the CPU has drawn, by place.
    """

    synchronizations: Counter = field(default_factory=Counter)
    kernels: Counter = field(default_factory=Counter)
    drawn_on_cpu: Counter = field(default_factory=Counter)

    def by_kind(self) -> dict[str, int]:
        found = Counter()
        for (kind, _), number in self.synchronizations.items():
            found[kind] += number
        return dict(found)

    def clear(self) -> None:
        for counter in (self.synchronizations, self.kernels, self.drawn_on_cpu):
            counter.clear()


LOG = Log()
_pinned: dict[int, torch.UntypedStorage] = {}  # held, so that no other memory gets their addresses


class PretendedTensor(torch.Tensor):
    """A tensor that says that it is on ``cuda:0``; ``held`` is its numbers, on the CPU."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held):
        wrapped = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            layout=held.layout,
            device=CUDA,
        )
        wrapped.held = held
        return wrapped

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})

    def tolist(self):  # C++ refuses subclasses here
        return self.detach().cpu().tolist()

    def numpy(self, *args, **kwargs):
        raise TypeError(f"can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first ({_place()})")

    def __repr__(self):
        return f"PretendedTensor({self.held!r}, device='{self.device}')"

    def __reduce_ex__(self, protocol):
        return self.held.detach().clone().__reduce_ex__(protocol)

    def __deepcopy__(self, memo):
        with torch.no_grad():
            new = self.detach().clone()
        new.requires_grad_(self.requires_grad)
        if getattr(self, '_is_param', False):
            new._is_param = True
        memo[id(self)] = new
        return new


@contextmanager
def pretended_cuda() -> Iterator[Log]:
    """Within, there is one CUDA device; gives what it logs."""
    _compile_guard()
    with ExitStack() as stack:
        _set(
            stack,
            torch.__future__.get_overwrite_module_params_on_conversion,
            torch.__future__.set_overwrite_module_params_on_conversion,
        )  # the data of a parameter cannot become a wrapper: Module.to() has to make a new parameter
        # torch.tensor() makes its numbers on the CPU, and then moves them
        _set(stack, torch._C._only_lift_cpu_tensors, torch._C._set_only_lift_cpu_tensors)
        for name, function in CUDA_FUNCTIONS.items():
            stack.enter_context(mock.patch.object(torch.cuda, name, function, create=True))
        for module in (_foreach_utils, optimizers):
            known = [*module._foreach_supported_types, PretendedTensor]
            stack.enter_context(mock.patch.object(module, '_foreach_supported_types', known))
        for name, result in dict(is_available=True, current_accelerator=CUDA, current_device_index=0).items():
            stack.enter_context(mock.patch.object(torch.accelerator, name, lambda *args, _=result, **kwargs: _))
        stack.enter_context(mock.patch.object(torch.backends.cuda, 'is_built', lambda: True))
        stack.enter_context(mock.patch.object(torch, 'load', _loading(torch.load)))
        stack.enter_context(mock.patch.object(mmengine.device.utils, 'DEVICE', 'cuda'))
        for name, module in list(sys.modules.items()):
            if name.startswith('mmengine') and hasattr(module, 'is_cuda_available'):
                stack.enter_context(mock.patch.object(module, 'is_cuda_available', lambda: True))
        stack.enter_context(_Mode())
        LOG.clear()
        yield LOG


class _Mode(TorchDispatchMode):
    """Catches what makes tensors, and copies to the device: no operand of theirs is there yet."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


def _set(stack: ExitStack, get: Callable, set_: Callable) -> None:
    stack.callback(set_, get())
    set_(True)


def _compile_guard() -> None:
    """A CPU build has no device guard and no hooks for CUDA: load ones that do nothing, compiled once per PyTorch."""
    library = Path(tempfile.gettempdir()) / f'pretended_cuda_{torch.__version__}_{os.getuid()}.so'
    if not library.exists():
        folder, part = Path(torch.__file__).parent, library.with_suffix(f'.{os.getpid()}.so')
        abi = f'-D_GLIBCXX_USE_CXX11_ABI={int(torch._C._GLIBCXX_USE_CXX11_ABI)}'
        flags = ['-shared', '-fPIC', '-std=c++20', '-O1', abi, f'-I{folder}/include', f'-L{folder}/lib']
        command = ['g++', '-x', 'c++', '-', *flags, '-lc10', '-ltorch_cpu', '-o', str(part)]
        subprocess.run(command, input=GUARD, text=True, check=True)
        part.rename(library)
    ctypes.CDLL(str(library))


def _loading(load: Callable) -> Callable:
    """``torch.load`` whose ``map_location`` may be the pretended device."""

    def load_onto(file, map_location=None, **options):
        onto = isinstance(map_location, (str, torch.device)) and torch.device(map_location).type == 'cuda'
        found = load(file, map_location='cpu' if onto else map_location, **options)
        return tree_map(lambda x: x.to('cuda') if isinstance(x, torch.Tensor) else x, found) if onto else found

    return load_onto


# ---------------------------------------------------------------- an operator


def _run(func, args, kwargs):
    tensors = list(_tensors((*args, *kwargs.values())))
    name = func._schema.name.removeprefix('aten::')
    if name in ('_pin_memory', 'is_pinned'):
        return _pin(name, tensors[0])
    on_device = any(isinstance(t, PretendedTensor) for t in tensors)
    target = kwargs.get('device')
    target = torch.device(target) if target is not None else tensors[0].device if name == '_to_copy' else None
    if not on_device and (target is None or target.type != 'cuda'):
        out = func(*args, **kwargs)
        if name in _DRAWS:
            LOG.drawn_on_cpu[_place()] += out.numel()
        return out
    _refuse_mixed(func, tensors)
    goes_to = target or CUDA
    _refuse_generator(kwargs.get('generator'), goes_to)
    non_blocking = kwargs.get('non_blocking') or (name == 'copy_' and len(args) > 2 and args[2])
    kind = _synchronization(name, tensors, target, non_blocking)
    if kind:
        LOG.synchronizations[kind, _place()] += 1
    if name not in _LAUNCHES_NOTHING:
        LOG.kernels[name] += 1
    out = _on_cpu(func, args, kwargs, tensors)
    if goes_to.type != 'cuda':
        return out
    out = _mapped(PretendedTensor, out)
    return return_and_correct_aliasing(func, args, kwargs, out) if on_device else out


def _on_cpu(func, args, kwargs, tensors):
    here = {name: torch.device('cpu') if name == 'device' and value else value for name, value in kwargs.items()}
    here |= {'pin_memory': False} if kwargs.get('pin_memory') else {}
    args = _mapped(_held, args)
    out = func(*args, **{name: _mapped(_held, value) for name, value in here.items()})
    copied = func is aten._to_copy.default and kwargs.get('device') is not None
    return out.clone() if copied and out is args[0] else out


def _tensors(values) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def _mapped(function: Callable, value):
    """A value with a function applied to each tensor in it; PyTorch's tree_map takes half of the time of a run."""
    if isinstance(value, (list, tuple)):
        return type(value)(_mapped(function, part) for part in value)
    return function(value) if isinstance(value, torch.Tensor) else value


def _held(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.held if _is_there(tensor) else tensor


def _is_there(x) -> bool:
    return isinstance(x, PretendedTensor)


def _pin(name: str, tensor: torch.Tensor):
    if name == 'is_pinned':
        return _is_pinned(tensor)
    pinned = tensor.clone()
    storage = pinned.untyped_storage()
    _pinned[storage.data_ptr()] = storage
    return pinned


def _is_pinned(tensor: torch.Tensor) -> bool:
    return not _is_there(tensor) and tensor.untyped_storage().data_ptr() in _pinned


def _refuse_mixed(func, tensors: list[torch.Tensor]) -> None:
    there, here = [t for t in tensors if _is_there(t)], [t for t in tensors if not _is_there(t)]
    if not there or not here or func in _TAKE_ANY_DEVICE:
        return
    pointwise = torch.Tag.pointwise in func.tags or func._schema.name.startswith(('aten::_foreach', 'aten::_fused'))
    written = func._schema.name.endswith('_') and not _is_there(tensors[0])
    if not pointwise or written or any(t.dim() for t in here):
        raise RuntimeError(
            'Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! '
            f'({func}, CPU tensors of shape {[tuple(t.shape) for t in here]}, at {_place()})'
        )


def _refuse_generator(generator: torch.Generator | None, device: torch.device) -> None:
    if generator is not None and generator.device.type != device.type:
        raise RuntimeError(
            f"Expected a '{device.type}' device type for generator but found '{generator.device.type}' ({_place()})"
        )


def _synchronization(name: str, tensors: list, target: torch.device | None, non_blocking: bool) -> str | None:
    """The kind of synchronization that an operator asks for."""
    on_device = any(map(_is_there, tensors))
    if name == '_local_scalar_dense':
        return 'number read'
    if name == '_to_copy' and target is not None and _is_there(tensors[0]) != (target.type == 'cuda'):
        return _of_copy(tensors[0], non_blocking)
    if name == 'copy_' and _is_there(tensors[0]) != _is_there(tensors[1]):
        return _of_copy(tensors[1], non_blocking)
    if name.removesuffix('_') in _SHAPE_DEPENDS_ON_DATA and on_device:
        return 'shape depends on data'
    if name in ('index', 'index_put_'):
        if any(_is_there(t) and t.dtype == torch.bool for t in tensors[1:]):
            return 'shape depends on data'
        if not all(map(_is_there, tensors[1:])):
            return 'host to device'
    return None


def _of_copy(source: torch.Tensor, non_blocking: bool) -> str | None:
    if _is_there(source):
        return 'device to host'
    return None if non_blocking and _is_pinned(source) else 'host to device'


def _place() -> str:
    """The innermost line of mmpe, or else of MMEngine, that the program is at."""
    packages = {
        name: f'{Path(package.__file__).parent}/' for name, package in dict(mmpe=mmpe, mmengine=mmengine).items()
    }
    frames = traceback.extract_stack()[::-1]
    for name, folder in packages.items():
        for frame in frames:
            if frame.filename.startswith(folder):
                return f'{name}/{frame.filename.removeprefix(folder)}:{frame.lineno}'
    return '?'
