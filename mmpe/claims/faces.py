"""Compare the details of real and generated drawn faces, and draw a figure of the scores."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

from mmpe.analysis.figures import new_figure
from mmpe.datasets import DrawnFaces
from mmpe.evaluation.laplacian_pyramid import pyramid_distance, pyramid_neighbourhoods
from mmpe.grid import Size
from mmpe.numbers import as_size

from .claim import Measure
from .drawing import bars, picture_rows
from .scores import draw

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


def draw_scores(layout: dict, detail: dict, names: list[str], pictures: list) -> Figure:
    """Draw bars of both scores by name, and rows of faces."""
    figure = new_figure(12, max(5.5, 1.0 * len(pictures)))
    left, right = figure.subfigures(1, 2)
    above, below = left.subplots(2, 1)
    bars(above, 'Layout', 'structure', layout, names)
    bars(below, 'Distance of detail to real faces', 'SWD x 1000', detail, names)
    picture_rows(pictures, right)
    return figure
