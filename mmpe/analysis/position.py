"""How well a small read-out predicts the place from the features of that place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmpe.grid import Grid, Size
from mmpe.models.encodings import CartesianGrid
from mmpe.numbers import check_whole, size_text
from mmpe.random_numbers import random_generator

from .figures import COLORS, MARKERS, draw_map, name_layers, new_figure, numbered, plain_axes, short, spread
from .layers import choose_layers, features
from .subject import SampleInput, Subject

_RIDGES = torch.logspace(-6, 4, 21, dtype=torch.float64)
_SAME = 1e-6  # a feature that varies less than this, relative to its size, varies by rounding
READ_OUTS = dict(linear=1, conv=3)


@dataclass
class ReadOut:
    """How well one read-out does on draws that it was not fitted on.

    Attributes:
        r2_x: The share of the variance of x that it explains, at most 1. About 0 if it knows nothing.
        r2_y: The share for y.
        r2: The mean of both.
        error: The mean distance between its answer and the place, in cells.
        chance: The mean distance of the constant answer "in the middle", in cells.
        error_map: (h, w), the mean distance per place, in cells. A read-out that knows nothing answers "in the
            middle", so its error is small in the middle.
        answer_map: (2, h, w), its mean answer (x, y) per place, from -1 to 1.
    """

    r2_x: float
    r2_y: float
    r2: float
    error: float
    chance: float
    error_map: np.ndarray
    answer_map: np.ndarray

    def slopes(self) -> tuple[float, float]:
        """How fast its mean answer changes with the place, on average over x and y.

        Returns:
            The slope in the outer quarters of the map, and the slope in its inner half. 1 if all places are known
            without error, and 0 if places cannot be told from their neighbours.
        """
        along_x, along_y = self.answer_map[0].mean(0), self.answer_map[1].mean(1)
        outer, inner = zip(*(_slopes(answers) for answers in (along_x, along_y)))
        return sum(outer) / 2, sum(inner) / 2


@dataclass
class LayerPosition:
    """What the read-outs find in one layer.

    Attributes:
        layer: The name of the layer.
        size: (H, W) of its map.
        channels: The number of its channels.
        linear: The read-out that sees one location.
        conv: The read-out that sees 3x3 locations. None on maps smaller than 4x4.
    """

    layer: str
    size: Size
    channels: int
    linear: ReadOut
    conv: ReadOut | None

    @property
    def best(self) -> ReadOut:
        """The read-out with the higher R^2."""
        return max(filter(None, (self.linear, self.conv)), key=lambda found: found.r2)


@dataclass
class PositionProbe:
    """What :func:`position_probe` found.

    Attributes:
        layers: The results per layer, in the order of the request.
    """

    layers: list[LayerPosition]

    @property
    def r2(self) -> float:
        """The highest R^2 of any layer and read-out."""
        return max(found.best.r2 for found in self.layers)

    def table(self) -> list[list[str]]:
        """A header, and a row for each layer."""
        rows = [['layer', 'size', 'channels']]
        rows[0] += [f'{name} {what}' for name in READ_OUTS for what in ('R² x', 'R² y', 'R²', 'error')] + ['chance']
        for found in self.layers:
            row = [found.layer, size_text(found.size), str(found.channels)]
            for out in (found.linear, found.conv):
                numbers = [out.r2_x, out.r2_y, out.r2, out.error] if out else [float('nan')] * 4
                row += map(short, numbers)
            rows.append([*row, short(found.linear.chance)])
        return rows

    def figure(self):
        """R^2 by layer, and maps of the error for some layers."""
        shown = spread(self.layers)
        figure = new_figure(3.2 * max(len(shown), 2) + 0.8, 7.8)
        above, below = figure.subfigures(2, 1, height_ratios=(1, 1))
        axes = above.subplots()
        for i, name in enumerate(READ_OUTS):
            r2 = [getattr(found, name).r2 if getattr(found, name) else np.nan for found in self.layers]
            label = dict(linear='linear, one location', conv='convolution, 3x3 locations')[name]
            axes.plot(r2, color=COLORS[i], marker=MARKERS[i], label=label)
        axes.axhline(0, color='black', linewidth=0.8)
        axes.set_ylim(min(-0.05, axes.get_ylim()[0]), 1.05)
        axes.legend(fontsize=8)
        plain_axes(axes, 'Position read from features of one place, on held-out noise', 'layer', 'R² of (x, y)')
        names = [found.layer for found in self.layers]
        name_layers(axes, names)
        grid = below.subplots(1, len(shown), squeeze=False)[0]
        for axis, found in zip(grid, shown):
            name = 'conv' if found.best is found.conv else 'linear'
            ratio = found.best.error_map / found.best.chance
            title = f'{numbered(found.layer, names)}\n{name}: wrong by {short(found.best.error, 1)} cells'
            image = draw_map(axis, ratio, title, 0, 1.5, READ_OUTS[name] // 2)
        below.colorbar(image, ax=list(grid), shrink=0.85).set_label(
            'error / mean error of a guess\n"in the middle"', fontsize=8
        )
        return figure


def position_probe(
    module: nn.Module,
    sample_input: SampleInput,
    layers: Sequence[str] | None = None,
    num: int = 64,
    batch: int = 8,
    seed: int = 0,
    points: int = 8192,
    max_features: int = 1152,
) -> PositionProbe:
    """Predict (x, y), each from -1 to 1 over the map, from the features of one place, by ridge regression.

    The place is one location (linear), or 3x3 locations without padding (conv). The latter is the one-layer read-out of
    Islam et al., "How Much Position Information Do Convolutional Neural Networks Encode?", ICLR 2020, section 3. Half
    of the draws fit the read-out, a quarter chooses the ridge, and a quarter scores the read-out. Features are
    standardized.

    Args:
        module: Any module.
        sample_input: See :mod:`mmpe.analysis`.
        layers: Names of layers. None: all layers that give a map.
        num: Number of draws, at least 8.
        batch: Draws at a time.
        seed: Seed of all random numbers.
        points: Number of random places that a read-out is fitted on.
        max_features: Numbers that a read-out sees per place. If a layer is wider, the read-out sees a random projection
            of its channels, and its R^2 is a lower bound.

    Raises:
        InputError: If there are too few draws. See :func:`mmpe.analysis.draw_features` for other errors.

    >>> _ = torch.manual_seed(0)
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1))
    >>> noise = lambda num, rng: torch.randn(num, 1, 12, 12, generator=rng)
    >>> padded = position_probe(net, noise, ['output'], num=32)
    >>> from mmpe.analysis import swapped
    >>> circular = position_probe(swapped(net, 'circular'), noise, ['output'], num=32)
    >>> padded.r2 > circular.r2
    True
    """
    check_whole(8, num=num)
    check_whole(16, points=points, max_features=max_features)
    subject = Subject(module, sample_input, seed, batch)
    names = choose_layers(subject, layers)
    num_fit = num // 2
    num_scored = num // 4
    collectors = {}
    scores = None
    done = 0
    for maps in features(subject, names, num, 'position'):
        for name in names:
            x = maps[name].cpu()
            if name not in collectors:
                collectors[name] = _collectors(name, x, points / (num - num_scored), max_features, seed)
        count = len(maps[names[0]])
        fitting = max(0, min(count, num - num_scored - done))
        if fitting:
            for name in names:
                for collector in collectors[name].values():
                    collector.add(maps[name][:fitting].cpu(), done)
        if fitting < count:
            scores = scores or {n: {k: _Score(c.fit(num_fit)) for k, c in collectors[n].items()} for n in names}
            for name in names:
                for score in scores[name].values():
                    score.add(maps[name][fitting:].cpu())
        done += count
    return PositionProbe([_summary(name, scores[name]) for name in names])


def _collectors(name: str, x: Tensor, each: float, max_features: int, seed: int) -> dict[str, _Collector]:
    channels, height, width = x.shape[1:]
    kinds = {kind: side for kind, side in READ_OUTS.items() if side == 1 or min(height, width) >= 4}
    return {kind: _Collector(side, channels, max(1, round(each)), max_features, seed) for kind, side in kinds.items()}


class _Collector:
    """The features and coordinates of random places, for one read-out of one layer."""

    def __init__(self, side: int, channels: int, each: int, max_features: int, seed: int):
        self.side, self.each = side, each
        self.rng = random_generator('places', seed, side)
        self.projection = None
        kept = max(1, max_features // side**2)
        if channels > kept:
            self.projection = torch.linalg.qr(torch.randn(channels, kept, generator=self.rng))[0].T
        self.features, self.places, self.draws = [], [], []

    def add(self, x: Tensor, first: int) -> None:
        """Take ``each`` places from every map of (n, C, H, W). ``first`` is the number of the first draw."""
        if self.projection is not None:
            x = torch.einsum('kc,nchw->nkhw', self.projection, x)
        num, _, height, width = x.shape
        rows, columns = height - self.side + 1, width - self.side + 1
        here = torch.randint(rows * columns, (num, self.each), generator=self.rng)
        y, x0 = here // columns, here % columns
        draw = torch.arange(num)[:, None].expand_as(here)
        shifts = [(i, j) for i in range(self.side) for j in range(self.side)]
        taken = torch.stack([x[draw, :, y + i, x0 + j] for i, j in shifts], -1)  # (n, each, C, side^2)
        self.features.append(taken.flatten(2).flatten(0, 1))
        self.places.append(coordinates(height, width, self.side).flatten(1)[:, here].flatten(1).T)
        self.draws.append((first + draw).flatten())

    def fit(self, num_fit: int) -> tuple[Tensor, Tensor, int]:
        """The weight (2, C, side, side) and the bias of the read-out as a convolution, and its side."""
        features, places = torch.cat(self.features).double(), torch.cat(self.places).double()
        fitting = torch.cat(self.draws) < num_fit
        weight, bias = _ridge(features[fitting], places[fitting], features[~fitting], places[~fitting])
        weight = weight.T.unflatten(1, (-1, self.side**2)).float()
        if self.projection is not None:
            weight = torch.einsum('ois,ic->ocs', weight, self.projection)
        return weight.unflatten(2, (self.side, self.side)), bias.float(), self.side


def _ridge(x: Tensor, y: Tensor, held_x: Tensor, held_y: Tensor) -> tuple[Tensor, Tensor]:
    """Weight (p, 2) and bias (2,) for the ridge that does best on held-out rows."""
    mean, std = x.mean(0), x.std(0)
    scale = torch.where(std > _SAME * mean.abs().clamp_min(1e-30), 1 / std, 0.0)
    x, held_x = (x - mean) * scale, (held_x - mean) * scale
    middle = y.mean(0)
    values, vectors = torch.linalg.eigh(x.T @ x / len(x))
    along = vectors.T @ (x.T @ (y - middle)) / len(x)
    held = held_x @ vectors
    weights = [along / (values.clamp_min(0) + ridge)[:, None] for ridge in _RIDGES]
    best = min(weights, key=lambda weight: float((held @ weight + middle - held_y).square().mean()))
    weight = (vectors @ best) * scale[:, None]
    return weight, middle - mean @ weight


class _Score:
    """Runs a read-out as a convolution over whole maps and adds up its errors."""

    def __init__(self, fitted: tuple[Tensor, Tensor, int]):
        self.weight, self.bias, self.side = fitted
        self.count, self.squares, self.distances, self.answers = 0, 0, 0, 0

    def add(self, x: Tensor) -> None:
        self.size, self.channels = tuple(x.shape[-2:]), x.shape[1]
        cells = torch.tensor([self.size[1] - 1, self.size[0] - 1])[:, None, None] / 2
        answers = F.conv2d(x, self.weight, self.bias)
        wrong = answers - coordinates(*self.size, self.side)
        self.count += len(x)
        self.squares = self.squares + wrong.double().square().sum(0)
        self.answers = self.answers + answers.double().sum(0)
        self.distances = self.distances + (wrong * cells).norm(dim=1).double().sum(0)

    def read_out(self) -> ReadOut:
        where = coordinates(*self.size, self.side).double()
        cells = torch.tensor([self.size[1] - 1, self.size[0] - 1])[:, None, None] / 2
        unexplained = self.squares.mean((1, 2)) / self.count / where.square().mean((1, 2))
        r2_x, r2_y = (1 - unexplained).tolist()
        errors = self.distances / self.count
        chance = float((where * cells).norm(dim=0).mean())
        answers = (self.answers / self.count).numpy()
        return ReadOut(r2_x, r2_y, (r2_x + r2_y) / 2, float(errors.mean()), chance, errors.numpy(), answers)


def _slopes(answers: np.ndarray) -> tuple[float, float]:
    """The slopes of answers along one axis: in the outer quarters, and in the inner half. 1 is perfect."""
    count = len(answers)
    first, last = count // 4, count - 1 - count // 4
    inner = answers[last] - answers[first]
    places = 2 * np.array([last - first, count - 1 - (last - first)]) / max(count - 1, 1)
    changes = np.array([inner, answers[-1] - answers[0] - inner])
    inner_slope, outer_slope = changes / np.maximum(places, 1e-12)
    return float(outer_slope), float(inner_slope)


def _summary(name: str, scores: dict[str, _Score]) -> LayerPosition:
    linear = scores['linear']
    conv = scores['conv'].read_out() if 'conv' in scores else None
    return LayerPosition(name, linear.size, linear.channels, linear.read_out(), conv)


def coordinates(height: int, width: int, side: int = 1) -> Tensor:
    """(2, h, w): x and y, from -1 to 1, of the locations around which a window of ``side`` fits into the map."""
    cut = side // 2
    inner = Grid((height, width)).extended((height - 2 * cut, width - 2 * cut))
    return CartesianGrid().coordinates(inner).movedim(-1, 0)
