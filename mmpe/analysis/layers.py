"""From any module to the maps of its layers, draw by draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mmpe.errors import InputError
from mmpe.numbers import size_text
from mmpe.random_numbers import random_generator

SampleInput = Callable[[int, torch.Generator], Any]
OUTPUT = 'output'


def find_layers(module: nn.Module, sample_input: SampleInput, seed: int = 0) -> list[str]:
    """Names of all layers that give a map (N, C, H, W) of more than one row and column, in the order in which they run.

    Of modules that pass on the same map the outermost is named; one that runs several times is named once.

    Args:
        module (nn.Module): Any.
        sample_input (SampleInput): See :mod:`mmpe.analysis`.
        seed (int): Of the inputs.

    Raises:
        InputError: If there is none.
    """
    found = _scan(module, sample_input, seed)
    outermost = {key: name for name, key in found.items()}
    names = [name for name, key in found.items() if outermost[key] == name]
    if not names:
        raise InputError(
            f'no layer of this {type(module).__name__} gives a map (N, C, H, W) of more than one row and column: '
            'position has no meaning in it; give the part of the model that makes the picture'
        )
    return names


def find_periods(module: nn.Module, sample_input: SampleInput, seed: int = 0) -> dict[str, int]:
    """For every layer that gives a map, its rows and columns for one of the coarsest map before it, the input included.

    What is made by enlarging repeats with that period: an enlarged pixel's corner is not made as its middle is. That is
    the same everywhere, and no knowledge of place. The period follows from the sizes of successive layers, rounded, as
    convolutions without padding take some cells away.
    """
    maps = spatial_inputs(draw_inputs(module, sample_input, 1, seed))
    sizes = {name: shape[-2:] for name, (_, shape, _) in _scan(module, sample_input, seed).items()}
    before = min((tuple(x.shape[-2:]) for x in maps), default=None)
    finest, coarsest, periods = 1.0, 1.0, {}
    for name, size in sizes.items():
        ratio = min(size) / min(before or size)
        finest *= max(1, round(ratio)) if ratio > 1 else 1 / max(1, round(1 / ratio))
        coarsest, before = min(coarsest, finest), size
        periods[name] = round(finest / coarsest)
    return periods


def choose_period(module: nn.Module, sample_input: SampleInput, period: int | None, names, seed: int) -> dict[str, int]:
    """The period of each named layer: ``period``, or what :func:`find_periods` says."""
    found = find_periods(module, sample_input, seed) if period is None else {}
    return {name: found.get(name, 1 if period is None else period) for name in names}


def _scan(module: nn.Module, sample_input: SampleInput, seed: int) -> dict[str, tuple]:
    """What tells the maps of all layers apart, their shape included, in the order in which layers finish."""
    found, alive = {}, []

    def look(name):
        def hook(_, __, output):
            raw = _find_map(output)
            if raw is None or len(_values(raw)) not in (1, 2) or min(_values(raw).shape[-2:]) < 2:
                return
            values = _values(raw)
            alive.append(values)  # memory that is free again would be taken for the same map
            found.pop(name, None)
            found[name] = (values.data_ptr(), tuple(values.shape), values._version)

        return hook

    with _hooked(module, {name: look(_title(name)) for name, _ in module.named_modules()}):
        run(module, draw_inputs(module, sample_input, 2, seed), seed)
    return found


def choose_layers(
    module: nn.Module,
    sample_input: SampleInput,
    layers: Sequence[str] | None,
    seed: int = 0,
    at_most: int | None = None,
) -> list[str]:
    """The named layers, checked; or all of :func:`find_layers`, thinned out evenly to ``at_most`` with the last kept.

    Raises:
        InputError: If a name is none of the module's, the nearest are listed; or if there are no names.
    """
    if layers is None:
        names = find_layers(module, sample_input, seed)
        if at_most is not None and len(names) > at_most:
            step = (len(names) - 1) / (at_most - 1) if at_most > 1 else 0
            names = [names[len(names) - 1 - round(i * step)] for i in reversed(range(at_most))]
        return names
    names = [layers] if isinstance(layers, str) else list(dict.fromkeys(layers))
    known = [_title(name) for name, _ in module.named_modules()]
    if not names:
        raise InputError('no layer is named: leave layers out for all of them')
    for name in names:
        if name not in known:
            nearest = get_close_matches(name, known, 5, 0.4) or known[:5]
            raise InputError(f'there is no layer {name!r}: the nearest are {", ".join(map(repr, nearest))}')
    return names


def draw_features(
    module: nn.Module,
    sample_input: SampleInput,
    layers: Sequence[str],
    num: int,
    batch: int = 8,
    seed: int = 0,
    progress: str = 'draws',
    precision: torch.dtype = torch.float32,
) -> Iterator[dict[str, Tensor]]:
    """Maps of layers over draws of the input, a batch at a time.

    Whole batches of fewer draws are the first of those of more.

    Args:
        module (nn.Module): Any.
        sample_input (SampleInput): See :mod:`mmpe.analysis`.
        layers (Sequence[str]): Names.
        num (int): Number of draws.
        batch (int): Draws at a time. Numbers change with it, as a batch is drawn by one generator.
        seed (int): Of the inputs, and of what the module draws itself.
        progress (str): What the progress bar says.
        precision (torch.dtype): Of the maps.

    Yields:
        dict[str, Tensor]: For each layer (n, C, H, W). A map that is the same for all draws, such as
        an encoding, is repeated.

    Raises:
        InputError: If a layer gives no such map, one of a single row or column, or numbers that are not finite; or if
            its maps are not one for each draw.
    """
    taken = {}

    def take(name):
        def hook(_, __, output):
            raw = _find_map(output)
            # Copied at once: a later layer may write over it.
            taken[name] = None if raw is None else _map(raw).to(precision, copy=True)

        return hook

    hooks = {'' if name == OUTPUT else name: take(name) for name in layers}
    with tqdm(total=num, desc=progress, unit='draw', leave=False, disable=None) as bar:
        for first in range(0, num, batch):
            count = min(batch, num - first)
            taken.clear()
            inputs = draw_inputs(module, sample_input, count, seed, first)
            with _hooked(module, hooks):
                run(module, inputs, seed, first)
            yield {name: _checked(name, taken.get(name), count) for name in layers}
            bar.update(count)


def draw_inputs(module: nn.Module, sample_input: SampleInput, num: int, seed: int, first: int = 0) -> tuple:
    """The arguments of one call, on the module's device."""
    inputs = sample_input(num, random_generator('analysis', seed, first))
    tensor = next(chain(module.parameters(), module.buffers()), None)
    moved = map_tensors(lambda x: x if tensor is None else x.to(tensor.device), inputs)
    return moved if isinstance(moved, tuple) else (moved,)


@torch.no_grad()
def run(module: nn.Module, inputs: tuple, seed: int = 0, first: int = 0) -> Any:
    """Call a module in eval mode; what it draws itself depends on ``seed`` and ``first`` alone."""
    modes = [(part, part.training) for part in module.modules()]
    devices = {x.device for x in (*module.parameters(), *module.buffers()) if x.is_cuda}
    try:
        for part, _ in modes:
            part.training = False
        with torch.random.fork_rng(devices=list(devices)):
            torch.manual_seed(random_generator('analysed module', seed, first).initial_seed())
            return module(*inputs)
    finally:
        for part, mode in modes:
            part.training = mode


def run_map(module: nn.Module, inputs: tuple, seed: int = 0, first: int = 0) -> Tensor:
    """The map (N, C, H, W) that a call gives, in full precision.

    Raises:
        InputError: As :func:`draw_features`.
    """
    raw = _find_map(run(module, inputs, seed, first))
    output = None if raw is None else _map(raw).float()
    return _checked(OUTPUT, output, None if output is None else len(output))


def map_tensors(change: Callable[[Tensor], Tensor], inputs: Any) -> Any:
    """``inputs``, a nest of tuples, lists and dicts, with every tensor changed."""
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

    def look(x):
        if x.ndim == 4 and min(x.shape[-2:]) > 1:
            found.append(x)
        return x

    map_tensors(look, inputs)
    return found


def _title(name: str) -> str:
    return name or OUTPUT


def _find_map(output: Any) -> Any:
    """The first map in what a module returns: a tensor, or what stands for one by its ``unscaled()``."""
    if isinstance(output, Tensor):
        return output if output.ndim == 4 else None
    if hasattr(output, 'unscaled'):
        return output
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, (tuple, list)) else ()
    if not parts and isinstance(getattr(output, 'sample', None), Tensor):  # outputs of diffusers
        parts = (output.sample,)
    return next((raw for raw in map(_find_map, parts) if raw is not None), None)


def _values(raw: Any) -> Tensor:
    return raw.values if hasattr(raw, 'unscaled') else raw


def _map(raw: Any) -> Tensor:
    return raw.unscaled() if hasattr(raw, 'unscaled') else raw


def _checked(name: str, values: Tensor | None, num: int | None) -> Tensor:
    if values is None:
        raise InputError(f'layer {name!r} gives no map (N, C, H, W), or does not run: take another')
    if min(values.shape[-2:]) < 2:
        raise InputError(
            f'layer {name!r} gives a grid of {size_text(values.shape[-2:])}, on which there are no positions: '
            'take a layer of more than one row and column'
        )
    if not bool(torch.isfinite(values).all()):
        raise InputError(f'layer {name!r} gives numbers that are not finite: check the weights and the inputs')
    if len(values) not in (1, num):
        raise InputError(f'layer {name!r} gives {len(values)} maps for {num} draws: sample_input must draw num of each')
    return values.expand(num, -1, -1, -1)


@contextmanager
def _hooked(module: nn.Module, hooks: dict[str, Callable]):
    parts = dict(module.named_modules())
    handles = [parts[name].register_forward_hook(hook) for name, hook in hooks.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
