"""Weights that anyone can draw again, by name: those that the reference numbers in ``data/`` were made with."""

from __future__ import annotations

import zlib

import numpy as np
import torch
from torch import Tensor, nn


def draw(name: str, shape) -> np.ndarray:
    """Standard normal float32 numbers, the same for the same name and shape everywhere."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    return generator.standard_normal([int(length) for length in shape]).astype(np.float32)


def noise(name: str, shape) -> Tensor:
    """:func:`draw` as a tensor."""
    return torch.from_numpy(draw(name, shape))


def weight(tag: str, entry: str, shape, gain: float = 1.0) -> Tensor:
    """What the module called ``tag`` held under ``entry``: small biases, positive variances, norms about one."""
    numbers = noise(f'{tag}/{entry}', shape)
    kind = entry.rpartition('.')[2]
    if kind == 'running_var':
        return numbers.abs() + 0.5
    if kind in ('bias', 'running_mean') or 'noise_injector' in entry:
        return 0.1 * numbers
    if kind == 'weight' and '.bn.' in entry:
        return 1 + 0.1 * numbers
    return gain * numbers


def state_dict(shapes: dict[str, list[int]], tag: str, gain: float = 1.0) -> dict[str, Tensor]:
    """A released module's state dict, of entries of these names and shapes."""
    counters = ('num_batches_tracked', '_float_tensor')
    return {
        name: torch.zeros(shape, dtype=torch.long) if name.endswith(counters) else weight(tag, name, shape, gain)
        for name, shape in shapes.items()
    }


def fill(module: nn.Module, tag: str, gain: float = 1.0) -> nn.Module:
    """Give ``module`` its weights; fixed filters (``kernel``) and counters keep their own values."""
    state = module.state_dict()
    drawn = [name for name, own in state.items() if own.is_floating_point() and not name.endswith('kernel')]
    module.load_state_dict({**state, **{name: weight(tag, name, state[name].shape, gain) for name in drawn}})
    return module
