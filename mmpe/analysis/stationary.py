"""The paper's theorem as a test: without padding, features of i.i.d. noise have the same distribution at all locations.

Padding breaks that, one kernel radius further inwards per layer (Xu et al., "Positional Encoding as Spatial Inductive
Bias in GANs", CVPR 2021, section 3).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.numbers import check_above, check_real, check_whole, given, size_text

from .figures import COLORS, MARKERS, name_layers, new_figure, numbered, plain_axes, short, spread
from .layers import choose_layers, choose_periods, features
from .maps import spatial_inputs
from .rings import reach_of, ring_means, same_phase
from .subject import SampleInput, Subject

_EXACT = 1e-9
_ROUNDING = 1e-5


@dataclass
class LayerStationarity:
    """The statistics of one layer by location, for up to ``max_channels`` channels.

    Attributes:
        layer: The name of the layer.
        size: (H, W) of its map.
        mean: (C, H, W), the mean over draws.
        covariance: (C, C, H, W), the covariance of the channels at each location.
        expected_mean: The mean in closed form. None if the layer is not affine in the input.
        expected_covariance: The covariance in closed form. None if the layer is not affine in the input.
        deviation: The largest difference to the closed form over all entries and locations, in standard errors. nan
            if there is no closed form.
        difference: The largest difference to the location in the middle, in standard errors.
        threshold: The largest of so many differences exceeds this by chance with a probability of at most ``level``.
        exact: Whether ``reach`` follows from the closed form.
        reach: The number of rings, from the border inwards, up to the innermost one whose statistics differ from those
            in the middle: exactly if there is a closed form, else significantly.
    """

    layer: str
    size: Size
    mean: np.ndarray
    covariance: np.ndarray
    expected_mean: np.ndarray | None
    expected_covariance: np.ndarray | None
    deviation: float
    difference: float
    threshold: float
    exact: bool
    reach: int

    @property
    def agrees(self) -> bool | None:
        """Whether the draws agree with the closed form. None if there is no closed form."""
        return self.deviation <= self.threshold if self.exact else None

    @property
    def stationary(self) -> bool:
        """Whether the statistics are the same everywhere."""
        return self.reach == 0


@dataclass
class Stationarity:
    """What :func:`stationarity` found.

    Attributes:
        layers: The results per layer, in the order of the request.
        num: The number of draws.
    """

    layers: list[LayerStationarity]
    num: int

    @property
    def stationary(self) -> bool:
        """Whether the statistics are the same everywhere in all layers."""
        return all(found.stationary for found in self.layers)

    def table(self) -> list[list[str]]:
        """A header, and a row for each layer."""
        rows = [['layer', 'size', 'reach', 'from', 'largest deviation from the closed form (s.e.)']]
        rows[0] += ['largest difference to the middle (s.e.)', 'chance allows (s.e.)']
        for found in self.layers:
            source = 'closed form' if found.exact else 'draws'
            numbers = map(short, (found.deviation, found.difference, found.threshold))
            rows.append([found.layer, size_text(found.size), str(found.reach), source, *numbers])
        return rows

    def figure(self):
        """Reach per layer, and variance by distance from the border: draws (markers) and closed form (lines)."""
        figure = new_figure(10, 4.2)
        reach, variance = figure.subplots(1, 2)
        reach.plot([found.reach for found in self.layers], color=COLORS[0], marker=MARKERS[0], drawstyle='steps-mid')
        reach.set_ylim(-0.3, max(found.reach for found in self.layers) + 1)
        plain_axes(reach, 'How far in the statistics differ', 'layer', 'reach (cells)')
        names = [found.layer for found in self.layers]
        name_layers(reach, names)
        for i, found in enumerate(spread(self.layers, len(MARKERS))):
            style = dict(color=COLORS[i], label=numbered(found.layer, names))
            drawn = _variance_by_ring(found.covariance)
            if found.expected_covariance is None:
                variance.plot(drawn, marker=MARKERS[i], linestyle=':', **style)
            else:
                variance.plot(_variance_by_ring(found.expected_covariance), **style)
                style.pop('label')
                variance.plot(drawn, marker=MARKERS[i], linestyle='none', **style)
        variance.legend(fontsize=8, title='markers: drawn; lines: closed form', title_fontsize=8)
        title = 'Variance by distance from the border'
        plain_axes(variance, title, 'distance from the border (cells)', 'variance / in the middle')
        return figure


def stationarity(
    module: nn.Module,
    sample_input: SampleInput,
    layers: Sequence[str] | None = None,
    num: int = 2048,
    batch: int = 64,
    seed: int = 0,
    mean: float | None = None,
    variance: float | None = None,
    level: float = 0.01,
    max_channels: int = 8,
    max_input: int = 4096,
    period: int | None = None,
) -> Stationarity:
    """Mean and covariance at every location of the layers of a convolution stack, for i.i.d. input.

    If a layer is affine in the input, its statistics follow exactly, in closed form, from its linear operator, padding
    included, and the mean and variance of the input. Whether it is affine is tried out in double precision. Other
    layers, such as those after a LeakyReLU, are only measured on draws, and locations are compared with the middle.
    Differences are in standard errors, with Bonferroni's threshold for the largest one. The threshold assumes a normal
    distribution, which takes some hundred draws.

    :func:`mmpe.analysis.unpadded` makes the same stack without padding, for which the reach must be 0.

    Args:
        module: Any module of one argument.
        sample_input: See :mod:`mmpe.analysis`. It draws one map (N, C, H, W) of i.i.d. numbers.
        layers: Names of layers. None: all layers that give a map.
        num: Number of draws, at least 16.
        batch: Draws at a time.
        seed: Seed of all random numbers.
        mean: Mean of the input. None: measured.
        variance: Variance of the input. None: measured.
        level: Probability that noise alone exceeds the threshold.
        max_channels: Number of analyzed channels per layer.
        max_input: The closed form is only computed for inputs of up to so many numbers, as it takes one pass per
            number.
        period: See :func:`mmpe.analysis.spatial_bias`. Locations are compared with those of the middle that are whole
            periods away.

    Raises:
        InputError: If the input is not one map. See :func:`mmpe.analysis.draw_features` for other errors.

    >>> noise = lambda num, rng: torch.randn(num, 1, 10, 10, generator=rng)
    >>> stationarity(nn.Conv2d(1, 2, 3, padding=1), noise, num=64).layers[0].reach
    1
    >>> stationarity(nn.Conv2d(1, 2, 3), noise, num=64).stationary
    True
    """
    check_whole(16, num=num)
    check_whole(1, max_channels=max_channels, max_input=max_input, **given(period=period))
    check_above(0, 1, level=level)
    check_real(**given(mean=mean))
    check_real(0, **given(variance=variance))
    subject = Subject(module, sample_input, seed, batch)
    names = choose_layers(subject, layers)
    like = subject.draw(1)
    if len(like) != 1 or len(spatial_inputs(like)) != 1:
        raise InputError(
            'stationarity is about a module with one map of i.i.d. noise as input: this module has other inputs'
        )
    if mean is None or variance is None:
        measured = _input_moments(subject, num)
        mean, variance = (m if given is None else given for given, m in zip((mean, variance), measured))
    periods = choose_periods(subject, period, names)
    closed = dict.fromkeys(names)
    if like[0].numel() <= max_input:
        closed = _closed_forms(module, like[0], names, mean, variance, max_channels)
    sums = {}
    for maps in features(subject, names, num, 'stationarity'):
        for name, x in maps.items():
            x = x[:, :max_channels].double().cpu()
            if name not in sums:
                sums[name] = _Sums(x, periods[name])
            sums[name].add(x)
    return Stationarity([sums[name].compare(name, closed[name], level) for name in names], num)


def _input_moments(subject: Subject, num: int) -> tuple[float, float]:
    count, total, squares = 0, 0.0, 0.0
    for (x,), _ in subject.draws(num):
        x = x.double()
        count, total, squares = count + x.numel(), total + float(x.sum()), squares + float(x.square().sum())
    return total / count, squares / count - (total / count) ** 2


class _Sums:
    """Sums over draws of the first and second moments per location, and of their differences to the middle."""

    def __init__(self, x: Tensor, period: int):
        self.around = x.mean((0, 2, 3))[:, None, None]  # any constant, near the mean for precision
        self.first, self.second = torch.triu_indices(x.shape[1], x.shape[1])
        sides = [(length, min(period, length)) for length in x.shape[-2:]]
        rows, columns = (torch.from_numpy(same_phase(n, (n - p + 1) // 2, p)) for n, p in sides)
        self.middle = rows[:, None], columns
        self.num, self.sums, self.squares, self.gaps, self.gap_squares = 0, 0, 0, 0, 0

    def moments(self, x: Tensor) -> Tensor:
        """The moments (N, C + C (C + 1) / 2, H, W) of maps (N, C, H, W)."""
        x = x - self.around
        return torch.cat((x, x[:, self.first] * x[:, self.second]), 1)

    def add(self, x: Tensor) -> None:
        moments = self.moments(x)
        gaps = moments - moments[:, :, self.middle[0], self.middle[1]]
        self.num += len(x)
        self.sums = self.sums + moments.sum(0)
        self.squares = self.squares + moments.square().sum(0)
        self.gaps = self.gaps + gaps.sum(0)
        self.gap_squares = self.gap_squares + gaps.square().sum(0)

    def compare(self, name: str, closed: tuple[Tensor, Tensor] | None, level: float) -> LayerStationarity:
        mean, covariance = self.split(self.sums / self.num)
        scale = (self.squares / self.num).sqrt().amax((1, 2), keepdim=True)
        difference = self.in_errors(self.gaps, self.gap_squares, 0, scale)
        quantile = torch.tensor(1 - level / (2 * difference.numel()), dtype=torch.float64)
        threshold = float(torch.special.ndtri(quantile))
        deviation, differs = float('nan'), (difference.abs() > threshold).any(0)
        if closed:
            around = closed[0] - self.around
            expected = torch.cat(
                (around, closed[1][self.first, self.second] + around[self.first] * around[self.second])
            )
            deviation = float(self.in_errors(self.sums, self.squares, expected, scale).abs().max())
            gaps = expected - expected[:, self.middle[0], self.middle[1]]
            differs = (gaps.abs() > _EXACT * expected.abs().amax()).any(0)
        return LayerStationarity(
            layer=name,
            size=tuple(mean.shape[-2:]),
            mean=mean.numpy(),
            covariance=covariance.numpy(),
            expected_mean=closed[0].numpy() if closed else None,
            expected_covariance=closed[1].numpy() if closed else None,
            deviation=deviation,
            difference=float(difference.abs().max()),
            threshold=threshold,
            exact=closed is not None,
            reach=reach_of(differs.numpy()),
        )

    def split(self, moments: Tensor) -> tuple[Tensor, Tensor]:
        """The mean (C, H, W) and the covariance (C, C, H, W) that belong to moments."""
        channels = len(self.around)
        around, products = moments[:channels], moments[channels:]
        covariance = products.new_zeros(channels, channels, *products.shape[1:])
        covariance[self.first, self.second] = products - around[self.first] * around[self.second]
        covariance[self.second, self.first] = covariance[self.first, self.second]
        return around + self.around, covariance

    def in_errors(self, sums: Tensor, squares: Tensor, expected: Tensor | float, scale: Tensor) -> Tensor:
        """Differences of means to their expected values, in standard errors. Rounding errors count as 0."""
        mean = sums / self.num
        error = ((squares / self.num - mean.square()).clamp_min(0) / self.num).sqrt()
        difference = torch.where((mean - expected).abs() > _ROUNDING * scale, mean - expected, torch.zeros_like(mean))
        return torch.where(difference == 0, difference, difference / error)


def _closed_forms(
    module: nn.Module, like: Tensor, names: Sequence[str], mean: float, variance: float, channels: int
) -> dict:
    """Mean and covariance by location of each layer that is affine in the input, and None for other layers."""
    module, like = copy.deepcopy(module).double(), like.double()
    trial = torch.randn(like.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(like)

    def respond(x: Tensor) -> dict[str, Tensor]:
        inputs = x + mean
        maps = _double_features(module, inputs, names)
        return {name: values[:, :channels].cpu() for name, values in maps.items()}

    base, tried = respond(torch.zeros_like(like)), respond(trial)
    covariance, predicted = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    impulses = torch.eye(like.numel(), dtype=torch.float64, device=like.device)
    for some, weights in zip(impulses.split(64), trial.flatten().cpu().split(64)):
        for name, values in respond(some.reshape(-1, *like.shape[1:])).items():
            response = values - base[name]
            covariance[name] = covariance[name] + torch.einsum('nchw,ndhw->cdhw', response, response)
            predicted[name] = predicted[name] + torch.einsum('n,nchw->chw', weights, response)
    found = {}
    for name in names:
        answer = (tried[name] - base[name])[0]
        affine = (predicted[name] - answer).abs().max() <= 1e-8 * answer.abs().max()
        found[name] = (base[name][0], variance * covariance[name]) if affine else None
    return found


def _double_features(module: nn.Module, x: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    return next(features(Subject(module, lambda num, rng: x, batch=len(x)), names, len(x), precision=torch.float64))


def _variance_by_ring(covariance: np.ndarray) -> np.ndarray:
    rings = ring_means(np.trace(covariance))
    return rings / rings[-1] if rings[-1] else rings
