"""From any module to the maps of its layers, draw by draw."""

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

    Of modules that pass on the same map the outermost is named; one that runs several times is named once.

    Args:
        module: Any.
        sample_input: See :mod:`mmpe.analysis`.
        seed: Of the inputs.

    Raises:
        InputError: If there is none.

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
    """Maps of layers over draws of the input, a batch at a time.

    Whole batches of fewer draws are the first of those of more.

    Args:
        module: Any.
        sample_input: See :mod:`mmpe.analysis`.
        layers: Names.
        num: Number of draws.
        batch: Draws at a time. Numbers change with it, as a batch is drawn by one generator.
        seed: Of the inputs, and of what the module draws itself.
        progress: What the progress bar says.
        precision: Of the maps.

    Yields:
        For each layer (n, C, H, W). A map that is the same for all draws, such as
        an encoding, is repeated.

    Raises:
        InputError: If a layer gives no such map, one of a single row or column, or numbers that are not finite; or if
            its maps are not one for each draw.

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
    """As :func:`draw_features`."""
    taken = {}

    def take(name: str) -> Callable:
        def hook(_, __, output) -> None:
            found = find_map(output)
            # Copied at once: a later layer may write over it.
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
    """The named layers, checked; or all that give a map, thinned out evenly to ``at_most`` with the last kept.

    Raises:
        InputError: If a name is not one of the module's, the nearest are listed; or if there are no names.
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
        raise InputError('no layer is named: leave layers out for all of them')
    for name in names:
        if name not in known:
            nearest = get_close_matches(name, known, 5, 0.4) or known[:5]
            raise InputError(f'there is no layer {name!r}: the nearest are {", ".join(map(repr, nearest))}')
    return names


def choose_periods(subject: Subject, period: int | None, names: Sequence[str]) -> Mapping[str, int]:
    """For each named layer, ``period``, or its rows and columns per cell of the coarsest map before it or of the input.

    What is made by enlarging repeats with that period: an enlarged pixel's corner is not made as its middle is. That is
    the same everywhere, and no knowledge of place. The period follows from the sizes of successive layers, rounded, as
    convolutions without padding take some cells away.
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
            'column: position has no meaning in it; give the part of the model that makes the picture'
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
    """What tells the maps of all layers apart, their shape included, in the order in which layers finish."""
    found, alive = {}, []

    def look(name: str) -> Callable:
        def hook(_, __, output) -> None:
            raw = find_map(output)
            values = None if raw is None else memory_of(raw)
            if values is None or len(values) not in (1, 2) or min(values.shape[-2:]) < 2:
                return
            alive.append(values)  # memory that is free again would be taken for the same map
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
