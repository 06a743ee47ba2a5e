"""The maps of a module's layers, draw by draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

import torch
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.progress import tracked

from .maps import checked, find_map, memory_of, spatial_inputs, values_of
from .subject import OUTPUT, SampleInput, Subject


def find_layers(module: nn.Module, sample_input: SampleInput, seed: int = 0) -> list[str]:
    """Names of all layers that give a map (N, C, H, W) of more than one row and column, in the order in which they run.

    If nested modules return the same map, only the outermost is named. A layer that runs several times is named once.

    Args:
        module: Any module.
        sample_input: See :mod:`mmpe.analysis`.
        seed: Seed of the inputs.

    Raises:
        InputError: If no layer gives a map.

    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    >>> find_layers(net, lambda num, rng: torch.randn(num, 1, 8, 8, generator=rng))
    ['0', '1']
    """
    return _layers_of(Subject(module, sample_input, seed))


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
    """Maps of layers over draws of the input, batch by batch.

    The first whole batches are the same for any number of draws.

    Args:
        module: Any module.
        sample_input: See :mod:`mmpe.analysis`.
        layers: Names of layers.
        num: Number of draws.
        batch: Draws at a time. Another batch size gives other draws, as one random generator draws a whole batch.
        seed: Seed of the inputs, and of the random numbers that the module draws itself.
        progress: Label of the progress bar.
        precision: Data type of the maps.

    Yields:
        The maps (n, C, H, W) of a batch, by layer. A map that is the same for all draws, such as an encoding, is
        repeated.

    Raises:
        InputError: If a layer gives no map, or a map of a single row or column, or numbers that are not finite. Also
            if it does not give one map per draw.

    >>> net = nn.Conv2d(1, 4, 3)
    >>> noise = lambda num, rng: torch.randn(num, 1, 8, 8, generator=rng)
    >>> [maps['output'].shape for maps in draw_features(net, noise, ['output'], num=3, batch=2)]
    [torch.Size([2, 4, 6, 6]), torch.Size([1, 4, 6, 6])]
    """
    return features(Subject(module, sample_input, seed, batch), layers, num, progress, precision)


def features(
    subject: Subject,
    layers: Sequence[str],
    num: int,
    progress: str = 'draws',
    precision: torch.dtype = torch.float32,
) -> Iterator[dict[str, Tensor]]:
    """See :func:`draw_features`."""
    taken = {}

    def take(name: str) -> Callable:
        def hook(_, __, output) -> None:
            found = find_map(output)
            # Copied at once, as a later layer may overwrite it.
            taken[name] = None if found is None else values_of(found).to(precision, copy=True)

        return hook

    hooks = {'' if name == OUTPUT else name: take(name) for name in layers}
    for inputs, first in tracked(subject.draws(num), progress, -(-num // subject.batch)):
        taken.clear()
        with _hooked(subject.module, hooks):
            subject.run(inputs, first)
        count = min(subject.batch, num - first)
        yield {name: checked(name, taken.get(name), count) for name in layers}


def choose_layers(subject: Subject, layers: Sequence[str] | None, at_most: int | None = None) -> list[str]:
    """The named layers, checked; or at most ``at_most`` of all that give a map, evenly spaced, the last one included.

    Raises:
        InputError: If the module has no layer of a name, or no layer is named.
    """
    if layers is None:
        names = _layers_of(subject)
        if at_most is not None and len(names) > at_most:
            step = (len(names) - 1) / (at_most - 1) if at_most > 1 else 0
            names = [names[len(names) - 1 - round(i * step)] for i in reversed(range(at_most))]
        return names
    names = [layers] if isinstance(layers, str) else list(dict.fromkeys(layers))
    known = [_title(name) for name, _ in subject.module.named_modules()]
    if not names:
        raise InputError('layers is empty: name at least one layer, or leave layers out for all layers')
    for name in names:
        if name not in known:
            nearest = get_close_matches(name, known, 5, 0.4) or known[:5]
            raise InputError(f'there is no layer {name!r}: the nearest are {", ".join(map(repr, nearest))}')
    return names


def choose_periods(subject: Subject, period: int | None, names: Sequence[str]) -> Mapping[str, int]:
    """For each named layer, ``period``, or its rows and columns per cell of the coarsest map before it or of the input.

    Upsampling leaves a pattern with that period, as the corner of an enlarged pixel is not made in the same way as its
    middle. The pattern is the same everywhere, and so it is not knowledge of the place. The period follows from the
    sizes of successive layers. It is rounded, as convolutions without padding remove some cells.
    """
    found = _periods_of(subject) if period is None else {}
    return {name: found.get(name, 1 if period is None else period) for name in names}


def _layers_of(subject: Subject) -> list[str]:
    found = _scan(subject)
    outermost = {key: name for name, key in found.items()}
    names = [name for name, key in found.items() if outermost[key] == name]
    if not names:
        raise InputError(
            f'no layer of this {type(subject.module).__name__} gives a map (N, C, H, W) of more than one row and '
            'column, so position has no meaning in it: give the part of the model that makes the picture'
        )
    return names


def _periods_of(subject: Subject) -> dict[str, int]:
    sizes = {name: shape[-2:] for name, (_, shape, _) in _scan(subject).items()}
    before = min((tuple(x.shape[-2:]) for x in spatial_inputs(subject.draw(1))), default=None)
    finest, coarsest, periods = 1.0, 1.0, {}
    for name, size in sizes.items():
        ratio = min(size) / min(before or size)
        finest *= max(1, round(ratio)) if ratio > 1 else 1 / max(1, round(1 / ratio))
        coarsest, before = min(coarsest, finest), size
        periods[name] = round(finest / coarsest)
    return periods


def _scan(subject: Subject) -> dict[str, tuple]:
    """A key per layer that tells its map from others, with the map's shape, in the order in which layers finish."""
    found, alive = {}, []

    def look(name: str) -> Callable:
        def hook(_, __, output) -> None:
            raw = find_map(output)
            values = None if raw is None else memory_of(raw)
            if values is None or len(values) not in (1, 2) or min(values.shape[-2:]) < 2:
                return
            alive.append(values)  # freed memory may be used again, and would then look like the same map
            found.pop(name, None)
            found[name] = (values.data_ptr(), tuple(values.shape), values._version)

        return hook

    with _hooked(subject.module, {name: look(_title(name)) for name, _ in subject.module.named_modules()}):
        subject.run(subject.draw(2))
    return found


def _title(name: str) -> str:
    return name or OUTPUT


@contextmanager
def _hooked(module: nn.Module, hooks: Mapping[str, Callable]) -> Iterator[None]:
    parts = dict(module.named_modules())
    handles = [parts[name].register_forward_hook(hook) for name, hook in hooks.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
