"""The paper's theorem as a test: without padding, what is made of i.i.d. noise is distributed alike at every location.

Padding breaks that, by one kernel radius further in with every layer (Xu et al., "Positional Encoding as Spatial
Inductive Bias in GANs", CVPR 2021, section 3).
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
    """The statistics of one layer by location; of up to ``max_channels`` channels.

    Attributes:
        layer: Its name.
        size: (H, W).
        mean: (C, H, W), over draws.
        covariance: (C, C, H, W), of the channels at each location.
        expected_mean: The closed form; None where the layer is not affine in the input.
        expected_covariance: Likewise.
        deviation: Largest difference, of any entry at any location, to the closed form, in standard errors; nan
            without one.
        difference: Largest difference to the location in the middle, in standard errors.
        threshold: What the largest of so many differences exceeds by chance with probability ``level`` at most.
        exact: Whether ``reach`` is that of the closed form.
        reach: Rings, from the border in, up to the innermost one whose statistics differ from the middle's: by
            the closed form where there is one, else significantly.
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
        """Whether what was drawn agrees with the closed form; None without one."""
        return self.deviation <= self.threshold if self.exact else None

    @property
    def stationary(self) -> bool:
        """Whether the statistics are the same everywhere."""
        return self.reach == 0


@dataclass
class Stationarity:
    """What :func:`stationarity` found.

    Attributes:
        layers: In the order in which they were asked for.
        num: Number of draws.
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
        """Reach by layer, and the variance by distance from the border: drawn (markers), closed form (lines)."""
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
    """Mean and covariance at every location of the layers of a convolution stack on i.i.d. input.

    Where a layer is affine in the input (found by trial, in double precision) its closed form is exact: the layer's
    whole linear operator is worked out, padding included, and the input's mean and covariance are sent through it.
    Elsewhere, such as after a LeakyReLU, locations are compared with the middle by draws alone. Differences are in
    standard errors, with Bonferroni's threshold for the largest of all; the normal law behind it asks for some hundred
    draws.

    :func:`mmpe.analysis.unpadded` gives the same stack without padding, where the reach must be 0.

    Args:
        module: Any of one argument.
        sample_input: See :mod:`mmpe.analysis`; draws one map (N, C, H, W) of independent numbers, all of
            one distribution.
        layers: Names; None: all that give a map.
        num: Number of draws, at least 16.
        batch: Draws at a time.
        seed: Of everything random.
        mean: Of the input; None: measured.
        variance: Likewise.
        level: Chance that noise alone exceeds the threshold.
        max_channels: Channels of a layer that are looked at.
        max_input: Numbers in an input up to which the closed form is worked out, one pass for each of them.
        period: As :func:`mmpe.analysis.spatial_bias` has it: locations are compared with those of the
            middle that are whole periods away.

    Returns:
        For each layer.

    Raises:
        InputError: As :func:`mmpe.analysis.draw_features`; if the input is not one map.

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
        raise InputError('the theorem is about one map of i.i.d. noise as input: this module takes something else')
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
    """Sums over draws of first and second moments at each location, and of their differences to the middle."""

    def __init__(self, x: Tensor, period: int):
        self.around = x.mean((0, 2, 3))[:, None, None]  # any constant, near the mean for precision
        self.first, self.second = torch.triu_indices(x.shape[1], x.shape[1])
        sides = [(length, min(period, length)) for length in x.shape[-2:]]
        rows, columns = (torch.from_numpy(same_phase(n, (n - p + 1) // 2, p)) for n, p in sides)
        self.middle = rows[:, None], columns
        self.num, self.sums, self.squares, self.gaps, self.gap_squares = 0, 0, 0, 0, 0

    def moments(self, x: Tensor) -> Tensor:
        """(N, C + C (C + 1) / 2, H, W) of (N, C, H, W)."""
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
        """Mean (C, H, W) and covariance (C, C, H, W) of moments."""
        channels = len(self.around)
        around, products = moments[:channels], moments[channels:]
        covariance = products.new_zeros(channels, channels, *products.shape[1:])
        covariance[self.first, self.second] = products - around[self.first] * around[self.second]
        covariance[self.second, self.first] = covariance[self.first, self.second]
        return around + self.around, covariance

    def in_errors(self, sums: Tensor, squares: Tensor, expected: Tensor | float, scale: Tensor) -> Tensor:
        """Differences of means to what is expected, in standard errors; rounding errors are none."""
        mean = sums / self.num
        error = ((squares / self.num - mean.square()).clamp_min(0) / self.num).sqrt()
        difference = torch.where((mean - expected).abs() > _ROUNDING * scale, mean - expected, torch.zeros_like(mean))
        return torch.where(difference == 0, difference, difference / error)


def _closed_forms(
    module: nn.Module, like: Tensor, names: Sequence[str], mean: float, variance: float, channels: int
) -> dict:
    """Mean and covariance by location of each layer that is affine in the input, None of the others."""
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
