"""Where a layer's statistics over noise differ from those in its center, and how well neighbours can be told apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from torch import Tensor, nn

from mmpe.grid import Size
from mmpe.numbers import check_above, check_whole, given, size_text
from mmpe.random_numbers import random_generator

from .figures import COLORS, MARKERS, draw_map, name_layers, new_figure, numbered, plain_axes, short, spread
from .layers import choose_layers, choose_periods, features
from .rings import border_distance, center_region, reach_of, ring_means, same_phase
from .subject import SampleInput, Subject

_NUMBERS_KEPT = 2**24
_NUMBERS_AT_ONCE = 2**22
_SAME = 1e-6
_Pairs = dict[str, tuple[Tensor, Tensor]]  # by axis: both ends of each pair of locations
_PARTNERS = 16  # of each location, to average over


@dataclass
class LayerBias:
    """The spatial bias of one layer.

    Attributes:
        layer: The name of the layer.
        size: (H, W) of its map.
        period: Cells between the locations that are compared.
        mean: (C, H, W), the mean over noise of the analyzed channels.
        variance: (C, H, W), the variance over noise of the same channels.
        difference: (H, W), the distance of mean and variance from those of the center: the Fisher distance in standard
            deviations, root mean square over channels.
        p_values: (H, W), the probability that chance alone makes a difference as large anywhere in the map.
        reach: The number of rings, from the border inwards, up to the innermost one with a significant location. 0 if
            no location is significant.
        center: The number of rings outside the central region, which is the largest reach that can be found.
        discriminability: Squared d' of neighbours, per ring.
        border_d: d' of neighbours at the border. 0 if it is not significant.
        center_d: d' of neighbours in the center. 0 if it is not significant.
        balance: ``center_d / border_d``. nan if both are 0.
    """

    layer: str
    size: Size
    period: int
    mean: np.ndarray
    variance: np.ndarray
    difference: np.ndarray
    p_values: np.ndarray
    reach: int
    center: int
    discriminability: np.ndarray
    border_d: float
    center_d: float
    balance: float

    @property
    def reaches_center(self) -> bool:
        """Whether the difference is significant all the way to the central region."""
        return self.reach >= self.center > 0


@dataclass
class SpatialBias:
    """What :func:`spatial_bias` found.

    Attributes:
        layers: The results per layer, in the order of the request.
        level: The probability of a false alarm in a layer whose statistics are the same everywhere.
    """

    layers: list[LayerBias]
    level: float

    def table(self) -> list[list[str]]:
        """A header, and a row for each layer."""
        rows = [
            ['layer', 'size', 'period', 'reach', 'center begins at', 'smallest p', "d' border", "d' center", 'balance']
        ]
        for found in self.layers:
            counts = [str(found.period), str(found.reach), str(found.center)]
            numbers = [short(found.p_values.min(), 3), *map(short, (found.border_d, found.center_d, found.balance))]
            rows.append([found.layer, size_text(found.size), *counts, *numbers])
        return rows

    def figure(self):
        """Reach and balance by layer, and maps of the difference for some layers, outlined where significant."""
        shown = spread(self.layers)
        figure = new_figure(3.2 * max(len(shown), 2) + 0.8, 7.4)
        above, below = figure.subfigures(2, 1, height_ratios=(1.2, 1))
        reach, balance = above.subplots(1, 2)
        names = [found.layer for found in self.layers]
        share = [found.reach / found.center if found.center else np.nan for found in self.layers]
        reach.bar(range(len(names)), np.minimum(share, 1), color=COLORS[0], width=0.6)
        for i, found in enumerate(self.layers):
            reach.annotate(f'{found.reach}', (i, min(share[i], 1)), ha='center', va='bottom', fontsize=8)
        reach.set_ylim(0, 1.12)
        plain_axes(reach, 'Reach of the border (number: in cells)', 'layer', 'share of the way to the center')
        name_layers(reach, names)
        balance.plot([found.balance for found in self.layers], color=COLORS[1], marker=MARKERS[1])
        balance.axhline(1, color='black', linewidth=0.8, linestyle='--')
        balance.set_ylim(-0.05, max(1.1, min(balance.get_ylim()[1], 3)))
        plain_axes(balance, "Balance of neighbours' discriminability", 'layer', "d' center / d' border")
        name_layers(balance, names)
        grid = below.subplots(1, len(shown), squeeze=False)[0]
        for axes, found in zip(grid, shown):
            title = f'{numbered(found.layer, names)}\nreach {found.reach}, balance {short(found.balance)}'
            image = draw_map(axes, found.difference, title, 0)
            _outline(axes, found.p_values <= self.level)
            below.colorbar(image, ax=axes, shrink=0.75).ax.tick_params(labelsize=7)
        below.suptitle('difference to the center, in standard deviations (outlined: significant)', fontsize=9)
        return figure


def spatial_bias(
    module: nn.Module,
    sample_input: SampleInput,
    layers: Sequence[str] | None = None,
    num: int = 256,
    batch: int = 8,
    seed: int = 0,
    level: float = 0.05,
    permutations: int = 199,
    period: int | None = None,
) -> SpatialBias:
    """Compare mean and variance over noise at each location of a layer with those of its central region.

    Upsampling leaves a pattern that repeats with the upsampling factor and says nothing about the place. So locations
    are only compared with those a whole number of periods away, and neighbours are one period apart.

    Significance is tested by permutation. In every draw, each location is paired with a random location of the central
    region. Then either all pairs of the draw are swapped or none, which changes nothing in distribution if all
    locations are alike. The statistic of a location is the mean square of its t values, over channels and over mean and
    variance. It is compared with the largest statistic of *any* location under permutation. So ``level`` is the
    probability of a single false alarm in the whole map.

    The discriminability of neighbours is the Fisher distance: d'^2 is the sum over channels of (difference of means)^2
    / variance + (difference of variances)^2 / (2 variance^2). The variance over noise is averaged over the map, and
    the bias of the finite number of draws is subtracted. d'^2 is averaged over the horizontal and vertical pairs that
    touch the outermost ring (border) or the central region (center). A d' that is not significant at the same level,
    by permutation of neighbours, counts as 0. ``balance`` is the ratio of the two: 1 if every place is known equally
    well, and 0 if only the border is known.

    Args:
        module: Any module.
        sample_input: See :mod:`mmpe.analysis`.
        layers: Names of layers. None: all layers that give a map.
        num: Number of draws, at least 16.
        batch: Draws at a time.
        seed: Seed of all random numbers.
        level: Probability of a false alarm, in (0, 1).
        permutations: Number of permutations. The smallest p value is 1 / (permutations + 1).
        period: The period of all layers, in cells. None: found per layer from the sizes of the maps.

    Returns:
        The bias per layer. If a layer is too wide to be kept in memory, only some of its channels are analyzed.

    Raises:
        InputError: If there are too few draws, or too few permutations for the level. See
            :func:`mmpe.analysis.draw_features` for other errors.

    >>> _ = torch.manual_seed(0)
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1))
    >>> noise = lambda num, rng: torch.randn(num, 1, 12, 12, generator=rng)
    >>> found = spatial_bias(net, noise, ['output'], num=64).layers[0]
    >>> 1 <= found.reach <= 2, found.reaches_center  # two convolutions of radius 1
    (True, False)
    """
    check_whole(16, num=num)
    check_whole(1, **given(period=period))
    check_above(0, 1, level=level)
    check_whole(int(np.ceil(1 / level)) - 1, permutations=permutations)
    subject = Subject(module, sample_input, seed, batch)
    names = choose_layers(subject, layers)
    periods = choose_periods(subject, period, names)
    kept = {name: [] for name in names}
    for maps in features(subject, names, num, 'spatial bias'):
        for name, x in maps.items():
            kept[name].append(x[:, _some_channels(x, num)].cpu())
    signs = torch.randint(2, (permutations + 1, num), generator=random_generator('permutations', seed)) * 2.0 - 1
    signs[0] = 1  # the observation itself
    found = [_layer_bias(name, torch.cat(kept.pop(name)), signs, level, seed, periods[name]) for name in names]
    return SpatialBias(found, level)


def _some_channels(x: Tensor, num: int) -> Tensor:
    channels = x.shape[1]
    count = min(channels, max(1, _NUMBERS_KEPT // (num * x[0, 0].numel())))
    return torch.linspace(0, channels - 1, count).round().long()


def _layer_bias(name: str, x: Tensor, signs: Tensor, level: float, seed: int, period: int) -> LayerBias:
    height, width = x.shape[-2:]
    period = min(period, height // 2, width // 2)
    inside = torch.from_numpy(center_region(height, width, period))
    mean, variance = x.mean(0), x.var(0)
    x = _standardized(x, inside)
    moments = _with_squares(x)
    everywhere = torch.arange(height * width)
    partners = _Partners(inside, period, len(x), seed)
    p_values, _ = _permute(
        moments,
        lambda at: moments[:, :, at] - _of_each_draw(moments, partners.of(at)),
        everywhere,
        signs,
        per_location=True,
    )
    p_map = p_values.reshape(height, width).numpy()
    moments = _with_squares(x, x.mean(0))
    pairs = _neighbours(height, width, period)
    squares = {axis: _distances(moments, *ends) for axis, ends in pairs.items()}
    border = torch.from_numpy(border_distance(height, width) == 0)
    border_d, center_d = (_region_d(moments, pairs, squares, region, signs, level) for region in (border, inside))
    with np.errstate(divide='ignore', invalid='ignore'):
        balance = float(np.float64(center_d) / np.float64(border_d))
    return LayerBias(
        layer=name,
        size=(height, width),
        period=period,
        mean=mean.numpy(),
        variance=variance.numpy(),
        difference=_difference(moments, partners).reshape(height, width).numpy(),
        p_values=p_map,
        reach=reach_of(p_map <= level),
        center=int(border_distance(height, width)[inside.numpy()].min()),
        discriminability=_by_ring(pairs, squares, (height, width)),
        border_d=border_d,
        center_d=center_d,
        balance=balance,
    )


def _standardized(x: Tensor, inside: Tensor) -> Tensor:
    """Each channel minus its mean in the central region, in units of its standard deviation over noise."""
    x = x - x[..., inside].mean((0, 2))[:, None, None]
    over_noise, over_all = x.var(0).mean((1, 2)), x.square().mean((0, 2, 3))
    # Channels that noise does not change, such as encodings, are in units of their standard deviation over the plane.
    scale = torch.where(over_noise > _SAME * over_all, over_noise, over_all).sqrt()
    return x / torch.where(scale > 0, scale, torch.ones_like(scale))[:, None, None]


def _with_squares(x: Tensor, around: Tensor | float = 0.0) -> Tensor:
    """(N, 2C, HW): channels, and their squares around a center, scaled to a standard deviation of about 1 as well."""
    return torch.cat((x, ((x - around).square() - 1) / 2**0.5), 1).flatten(2)


class _Partners:
    """A partner in the central region per draw and location, whole periods away, by the same step for a whole draw."""

    def __init__(self, inside: Tensor, period: int, num: int, seed: int):
        rng = random_generator('partners', seed)
        self.width = inside.shape[1]
        axes = []
        for length, axis in zip(inside.shape, (1, 0)):
            cells = inside.any(axis).nonzero()[:, 0]
            firsts = cells[torch.randint(len(cells) - period + 1, (num,), generator=rng)].tolist()
            axes.append(torch.stack([torch.from_numpy(same_phase(length, first, period)) for first in firsts]))
        self.rows, self.columns = axes

    def of(self, at: Tensor) -> Tensor:
        """The partners (N, places) of some locations."""
        return self.rows[:, at // self.width] * self.width + self.columns[:, at % self.width]


def _of_each_draw(moments: Tensor, places: Tensor) -> Tensor:
    """The moments (N, 2C, places) of each draw at its own places (N, places)."""
    return moments.gather(2, places[:, None].expand(-1, moments.shape[1], -1))


def _difference(moments: Tensor, partners: _Partners) -> Tensor:
    """(HW,): root mean square over channels of the differences of expected moments, without the bias of few draws."""
    at_once = max(1, _NUMBERS_AT_ONCE // moments[:, :, 0].numel())
    found = []
    for at in torch.arange(moments.shape[2]).split(at_once):
        places = partners.of(at)[:_PARTNERS]
        d = moments[:, :, at] - sum(moments[:, :, some] for some in places) / len(places)
        found.append((d.mean(0).square() - d.var(0) / len(moments)).sum(0))
    return (torch.cat(found) / (moments.shape[1] / 2)).clamp_min(0).sqrt()


def _permute(
    moments: Tensor, difference: Callable[[Tensor], Tensor], items: Tensor, signs: Tensor, per_location: bool
) -> tuple[Tensor, Tensor]:
    """p values of differences (N, 2C, items), which are as likely as their negatives under the null hypothesis.

    ``per_location``: one p value per item, from the largest statistic of any item; else one p value for their mean.
    """
    at_once = max(1, _NUMBERS_AT_ONCE // moments[:, :, 0].numel())
    found = []
    for some in items.split(at_once):
        d = difference(some)
        d = torch.where(d.abs() < _SAME, torch.zeros_like(d), d)
        t = torch.tensordot(signs, d, 1) / d.square().sum(0).sqrt().clamp_min(1e-30)
        found.append(t.square().mean(1))
    statistic = torch.cat(found, 1)  # (1 + permutations, items)
    if not per_location:
        statistic = statistic.mean(1, keepdim=True)
    largest = statistic[1:].amax(1)
    exceeded = (largest[:, None] >= statistic[0] * (1 - _SAME)).sum(0)
    return (1 + exceeded) / len(signs), statistic[0]


def _neighbours(height: int, width: int, period: int) -> _Pairs:
    """Both ends of all horizontal and all vertical pairs."""
    cells = torch.arange(height * width).reshape(height, width)
    return dict(
        horizontal=(cells[:, :-period].flatten(), cells[:, period:].flatten()),
        vertical=(cells[:-period].flatten(), cells[period:].flatten()),
    )


def _distances(moments: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The unbiased d'^2 of each pair, which may be negative."""
    at_once = max(1, _NUMBERS_AT_ONCE // moments[:, :, 0].numel())
    found = []
    for i, j in zip(a.split(at_once), b.split(at_once)):
        d = moments[:, :, i] - moments[:, :, j]
        found.append((d.mean(0).square() - d.var(0) / len(d)).sum(0))
    return torch.cat(found)


def _region_d(
    moments: Tensor, pairs: _Pairs, squares: dict[str, Tensor], region: Tensor, signs: Tensor, level: float
) -> float:
    """d' of the neighbours that touch a region, 0 if it is not significant."""
    region = region.flatten()
    touching = {axis: region[a] | region[b] for axis, (a, b) in pairs.items()}
    square = float(sum(squares[axis][touching[axis]].mean() for axis in pairs)) / 2
    a, b = (torch.cat([pairs[axis][end][touching[axis]] for axis in pairs]) for end in (0, 1))
    p_value, _ = _permute(
        moments, lambda at: moments[:, :, a[at]] - moments[:, :, b[at]], torch.arange(len(a)), signs, per_location=False
    )
    return square**0.5 if square > 0 and float(p_value) <= level else 0.0


def _by_ring(pairs: _Pairs, squares: dict[str, Tensor], size: Size) -> np.ndarray:
    """Mean d'^2 per ring, of the pairs at each location."""
    total, count = torch.zeros(2, size[0] * size[1], dtype=torch.float64)
    for axis, ends in pairs.items():
        for end in ends:
            total.index_add_(0, end, squares[axis].double())
            count.index_add_(0, end, torch.ones(len(end), dtype=torch.float64))
    return ring_means((total / count).reshape(size).numpy())


def _outline(axes: Axes, significant: np.ndarray) -> None:
    """Draw an outline around significant cells."""
    framed = np.pad(significant, 1)
    level = np.argwhere(np.diff(framed, axis=0)) - (0.5, 1.5)
    upright = np.argwhere(np.diff(framed, axis=1)) - (1.5, 0.5)
    lines = [[(x, y), (x + 1, y)] for y, x in level] + [[(x, y), (x, y + 1)] for y, x in upright]
    axes.add_collection(LineCollection(lines, colors=COLORS[1], linewidths=1.2))
