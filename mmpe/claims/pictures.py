"""Claims about SinGAN: what its layout and its texture owe to zero padding (1, 2, 7)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mmpe.analysis.figures import new_figure
from mmpe.apis import sample
from mmpe.evaluation.layout import structure
from mmpe.evaluation.texture import patch_distance

from .claim import Check, Finding, Measure
from .drawing import bars, picture_rows
from .runs import Profile

PADDINGS = {'zero': 'singan zero', 'reflect': 'singan reflect', 'none (interp)': 'singan interp'}
EDITABLE = {
    'zero padding': 'singan zero',
    'neither': 'singan interp',
    'zero padding + CSG': 'singan csg',
    'CSG': 'singan csg nopad',
}
_SHOWN = 4


def draw(model, num: int, size: tuple[int, int] | None = None, batch: int = 4) -> Tensor:
    """Samples, (num, 3, H, W), clipped to [-1, 1] as on disk."""
    return torch.stack(list(sample(model, num, size, batch=batch))).clamp(-1, 1)


def layout_score(images: Tensor, picture: Tensor) -> Measure:
    """Structure of images against a picture, (1, 3, H, W), with its standard error over images."""
    return Measure.of([structure(image[None], picture) for image in images])


def texture_distance(images: Tensor, picture: Tensor) -> Measure:
    """Sliced Wasserstein distance of 7x7 patches, of four groups of images."""
    return Measure.of([patch_distance(group, picture, 7) for group in images.chunk(4)])


def layout_comes_from_zeros(models: dict, profile: Profile) -> Finding:
    """Claim 1: structure by padding, without any encoding."""
    scores, figure = _by_padding(models, profile, layout_score, 'structure', 'Layout kept, by padding')
    zero, *others = scores
    checks = [Check.above('structure', 'zero padding', scores[zero], other, scores[other]) for other in others]
    return Finding([['padding', 'structure'], *([name, str(score)] for name, score in scores.items())], checks, figure)


def zeros_are_indispensable(models: dict, profile: Profile) -> Finding:
    """Claim 2: distance of texture by padding, without any encoding."""
    scores, figure = _by_padding(
        models, profile, texture_distance, 'SWD of 7x7 patches', 'Distance of patches, by padding'
    )
    zero, *others = scores
    checks = [Check.above('SWD 7x7', other, scores[other], 'zero padding', scores[zero]) for other in others]
    return Finding([['padding', 'SWD 7x7'], *([name, str(score)] for name, score in scores.items())], checks, figure)


def layout_survives_new_shapes(models: dict, profile: Profile) -> Finding:
    """Claim 7: structure at half and at twice the aspect ratio, against the photograph stretched along."""
    picture = models['singan zero'].picture
    height, width = picture.shape[-2:]
    sizes = {
        'own size': (height, width),
        '2:1 (twice as wide)': (height, 2 * width),
        '1:2 (twice as high)': (2 * height, width),
    }
    images = {
        name: [draw(models[run], profile.samples, size) for size in sizes.values()] for name, run in EDITABLE.items()
    }
    scores = {name: [layout_score(drawn, picture) for drawn in by_size] for name, by_size in images.items()}
    figure = new_figure(11, 8.5)
    above, below = figure.subfigures(2, 1, height_ratios=(1, 2))
    bars(above.subplots(), 'Layout kept when the shape changes', 'structure', scores, list(sizes))
    rows = [(name, [image for drawn in by_size for image in drawn[:2]]) for name, by_size in images.items()]
    picture_rows(rows, below)
    checks = [
        Check.above(f'structure at {size}', name, scores[name][i], 'zero padding', scores['zero padding'][i])
        for name in ('zero padding + CSG', 'CSG')
        for i, size in enumerate(sizes)
        if i
    ]
    rows = [['generator', *sizes], *([name, *map(str, by_size)] for name, by_size in scores.items())]
    return Finding(rows, checks, figure)


def _by_padding(models: dict, profile: Profile, score: Callable, what: str, title: str):
    """Scores of samples against the photograph by padding, and a figure of both."""
    picture = models['singan zero'].picture
    images = {name: draw(models[run], profile.samples) for name, run in PADDINGS.items()}
    scores = {name: score(drawn, picture) for name, drawn in images.items()}
    figure = new_figure(10, 4.2)
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.6))
    bars(left.subplots(), title, what, {what: list(scores.values())}, list(scores))
    picture_rows([('photograph', [picture]), *((name, drawn[:_SHOWN]) for name, drawn in images.items())], right)
    return scores, figure
