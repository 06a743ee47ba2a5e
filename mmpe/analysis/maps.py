"""Find the maps among the inputs and outputs of a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mmpe.errors import InputError
from mmpe.models.layers import ScaledMap
from mmpe.numbers import size_text


def map_tensors(change: Callable[[Tensor], Tensor], inputs: Any) -> Any:
    """Change every tensor in nested tuples, lists and dicts."""
    if isinstance(inputs, Tensor):
        return change(inputs)
    if isinstance(inputs, (tuple, list)):
        return type(inputs)([map_tensors(change, part) for part in inputs])
    if isinstance(inputs, dict):
        return {key: map_tensors(change, part) for key, part in inputs.items()}
    return inputs


def spatial_inputs(inputs: Any) -> list[Tensor]:
    """The maps (N, C, H, W) of more than one row and column among the inputs."""
    found = []

    def look(x: Tensor) -> Tensor:
        if x.ndim == 4 and min(x.shape[-2:]) > 1:
            found.append(x)
        return x

    map_tensors(look, inputs)
    return found


def find_map(output: Any) -> Tensor | ScaledMap | None:
    """The first map in the output of a module, unchanged."""
    if isinstance(output, ScaledMap):
        return output
    if isinstance(output, Tensor):
        return output if output.ndim == 4 else None
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, (tuple, list)) else ()
    if not parts and isinstance(getattr(output, 'sample', None), Tensor):  # the output classes of diffusers
        parts = (output.sample,)
    return next((found for found in map(find_map, parts) if found is not None), None)


def memory_of(found: Tensor | ScaledMap) -> Tensor:
    """The tensor that holds a found map in memory."""
    return found.values if isinstance(found, ScaledMap) else found


def values_of(found: Tensor | ScaledMap) -> Tensor:
    """The values (N, C, H, W) of a found map."""
    return found.unscaled() if isinstance(found, ScaledMap) else found


def checked(name: str, values: Tensor | None, num: int | None) -> Tensor:
    """The maps of a layer, one per draw. A single map, which is the same for all draws, is repeated.

    Raises:
        InputError: If there is no map, or it has a single row or column, or it is not finite, or the number of maps is
            not the number of draws.
    """
    if values is None:
        raise InputError(f'layer {name!r} gives no map (N, C, H, W), or does not run: choose another layer')
    if min(values.shape[-2:]) < 2:
        raise InputError(
            f'layer {name!r} gives a grid of {size_text(values.shape[-2:])}, which has no positions: '
            'choose a layer of more than one row and column'
        )
    if not bool(torch.isfinite(values).all()):
        raise InputError(f'layer {name!r} gives numbers that are not finite: check the weights and the inputs')
    if len(values) not in (1, num):
        raise InputError(f'layer {name!r} gives {len(values)} maps for {num} draws: sample_input must draw num of each')
    return values.expand(num, -1, -1, -1)
