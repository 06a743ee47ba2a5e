"""CUDA graphs on the pretended device: what is captured is not done, and a replay does it on the same memory.

A capture refuses what CUDA refuses: synchronizations, copies between host and device, pinned memory. It also refuses
what CUDA would silently do once and never again: random numbers drawn by the CPU, and changes of Python's state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import torch
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils._pytree import tree_leaves

WATCHED: list[object] = []
"""Whose plain attributes a captured part may not change."""

_current: list[PretendedGraph] = []


class PretendedGraph:
    """In place of ``torch.cuda.CUDAGraph``: operators with their CPU tensors, in order."""

    def __init__(self):
        self.calls: list[tuple[Callable, tuple, dict, list[torch.Tensor]]] = []
        self.replays = 0
        self._before: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}  # bytes that were there, and a copy
        self._made: dict[int, torch.Tensor] = {}

    def run(self, func: Callable, args: tuple, kwargs: dict) -> Any:
        """Run an operator to learn the shapes of its results, and keep it."""
        given = _tensors((args, kwargs))
        for tensor in given:
            address = _address(tensor)
            if address not in self._made and address not in self._before:
                memory = _bytes(tensor)
                self._before[address] = memory, memory.clone()
        out = func(*args, **kwargs)
        known = set(map(_address, given))
        made = [tensor if _address(tensor) not in known else None for tensor in _tensors(out)]
        self._made |= {_address(tensor): tensor for tensor in made if tensor is not None}
        self.calls.append((func, args, kwargs, made))
        return out

    def end(self) -> None:
        """Undo all that was done: a captured kernel has not run, and its results are what memory happens to hold."""
        for memory, copy in self._before.values():
            memory.copy_(copy)
        for tensor in self._made.values():
            if tensor.is_floating_point():
                tensor.fill_(float('nan'))

    def replay(self) -> None:
        self.replays += 1
        with _disable_current_modes(), torch.no_grad():
            for func, args, kwargs, made in self.calls:
                for own, new in zip(made, _tensors(func(*args, **kwargs)), strict=True):
                    if own is not None:
                        own.copy_(new)


@contextmanager
def _capture(graph: PretendedGraph, pool=None, stream=None, capture_error_mode='global') -> Iterator[None]:
    before = _python_state()
    _current.append(graph)
    try:
        yield
    finally:
        _current.pop()
        with _disable_current_modes(), torch.no_grad():
            graph.end()
    changed = [name for name, value in _python_state().items() if name in before and before[name] != value]
    if changed:
        raise RuntimeError(f'a replay would not change {", ".join(name for _, name in changed)}')


def captured_into() -> PretendedGraph | None:
    """The graph that is being captured."""
    return _current[-1] if _current else None


def refuse_in_capture(what: str | None) -> None:
    if what and _current:
        raise RuntimeError(f'operation not permitted when stream is capturing: {what}')


def _python_state() -> dict[tuple[int, str], Any]:
    """By the number of the thing and what the attribute is called."""
    plain = (bool, int, float, str, tuple, type(None))
    return {
        (number, f'{type(thing).__name__}.{name}'): value
        for number, thing in enumerate(WATCHED)
        for name, value in vars(thing).items()
        if isinstance(value, plain) and name != '_inner_count'  # MMEngine's, of accumulated gradients
    }


def _tensors(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def _address(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _bytes(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty(0, dtype=torch.uint8).set_(tensor.untyped_storage())


_STREAM = SimpleNamespace(wait_stream=lambda other: None, synchronize=lambda: refuse_in_capture('synchronize'))
GRAPH_FUNCTIONS = dict(
    CUDAGraph=PretendedGraph,
    Stream=lambda device=None: _STREAM,
    current_stream=lambda device=None: _STREAM,
    graph=_capture,
    is_current_stream_capturing=lambda: bool(_current),
    stream=lambda stream: nullcontext(),
    synchronize=lambda device=None: refuse_in_capture('synchronize'),
)
