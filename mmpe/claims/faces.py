"""Compare the details of real and generated drawn faces, and draw a figure of the scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

from mmpe.analysis.figures import new_figure
from mmpe.datasets import DrawnFaces
from mmpe.evaluation.laplacian_pyramid import pyramid_distance, pyramid_neighbourhoods
from mmpe.grid import Size
from mmpe.numbers import as_size, size_text

from .claim import Measure, Models
from .drawing import Row, bars, picture_rows
from .scores import draw, layout_score

FACES_SHOWN = 6
_GROUPS = 4


def real_faces(num: int, size: int | Size) -> Tensor:
    """Real faces (num, 3, H, W) in [-1, 1]. As in training, squares are drawn larger and then downsampled."""
    height, width = as_size(size)
    faces = DrawnFaces(num, sizes=[64 if height == width else (height, width)])
    pixels = torch.stack([faces[i]['inputs'] for i in range(num)]).float().div(127.5).sub(1)
    return F.interpolate(pixels, (height, width), mode='bicubic', antialias=True).clamp(-1, 1)


def draw_faces(model: nn.Module, num: int, size: int | Size) -> Tensor:
    """Generated faces (num, 3, H, W) in [-1, 1]."""
    return draw(model, num, as_size(size), batch=32).cpu()


def detail_distance(images: Tensor, real: Tensor) -> Measure:
    """PGGAN's sliced Wasserstein distance times 1000, between four groups of images and four of real faces."""
    a, b = (pyramid_neighbourhoods(x, range(len(x)), 64).chunk(_GROUPS) for x in (images, real))
    return Measure.of([pyramid_distance(*groups) for groups in zip(a, b)])


@dataclass
class FaceScores:
    """How good the faces of several generators are at several sizes.

    Attributes:
        detail: The distance of detail at each size, by the generators' labels.
        layout: The structure at each size, by the generators' labels.
        names: The sizes in words.
        pictures: Rows of faces, real and generated, each with its name.
    """

    detail: dict[str, list[Measure]]
    layout: dict[str, list[Measure]]
    names: list[str] = field(default_factory=list)
    pictures: list[Row] = field(default_factory=list)

    def rows(self) -> list[list[str]]:
        """A table with a row per size."""
        scores = {'SWD': self.detail, 'structure': self.layout}
        header = ['size', *(f'{score}: {label}' for score, found in scores.items() for label in found)]
        return [header, *(list(map(str, row)) for row in zip(self.names, *self.detail.values(), *self.layout.values()))]

    def figure(self) -> Figure:
        """Bars of both scores, and the faces."""
        return draw_scores(self.layout, self.detail, self.names, self.pictures)


def score_faces(models: Models, runs: Mapping[Size, Mapping[str, str]], num: int) -> FaceScores:
    """Score the faces of several generators at several sizes.

    Args:
        models: The trained models.
        runs: The runs that draw a size, by the generators' labels, which are the same at each size.
        num: How many faces, both real and generated, are compared at each size.
    """
    labels = next(iter(runs.values()))
    found = FaceScores({label: [] for label in labels}, {label: [] for label in labels})
    for size, by_label in runs.items():
        name = size_text(size)
        found.names.append(name)
        real = real_faces(num, size)
        mean = real.mean(0, keepdim=True)
        found.pictures.append((f'real faces, {name}', real[:FACES_SHOWN]))
        for label, run in by_label.items():
            images = [draw_faces(model, num, size) for model in models[run]]
            found.detail[label].append(Measure.over(detail_distance(drawn, real) for drawn in images))
            found.layout[label].append(Measure.over(layout_score(drawn, mean) for drawn in images))
            found.pictures.append((f'{label}, {name}', images[0][:FACES_SHOWN]))
    return found


def draw_scores(layout: dict, detail: dict, names: list[str], pictures: list) -> Figure:
    """Draw bars of both scores by name, and rows of faces."""
    figure = new_figure(12, max(5.5, 1.0 * len(pictures)))
    left, right = figure.subfigures(1, 2)
    above, below = left.subplots(2, 1)
    bars(above, 'Layout', 'structure', layout, names)
    bars(below, 'Distance of detail to real faces', 'SWD x 1000', detail, names)
    picture_rows(pictures, right)
    return figure
