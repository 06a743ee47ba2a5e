"""Claims about generators of many pictures: DCGAN, PGGAN and MS-PIE on drawn faces (3, 6)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpe.analysis.figures import new_figure
from mmpe.datasets import DrawnFaces
from mmpe.evaluation.pyramid import pyramid_distance, pyramid_neighbourhoods
from mmpe.numbers import size_text

from .claim import Check, Finding, Measure
from .drawing import bars, picture_rows
from .pictures import draw, layout_score
from .runs import Profile

PADDINGS = {'zero': 'zero', 'reflect': 'reflect', 'none': 'none', 'none + CSG': 'csg nopad'}
_FAMILIES = dict(dcgan='DCGAN', pggan='PGGAN')
_SIDE = 32
_SHOWN = 6
_GROUPS = 4


def real_faces(num: int, side: int) -> Tensor:
    """(num, 3, side, side) in [-1, 1], drawn larger and reduced as in training."""
    faces = DrawnFaces(num, 64)
    pixels = torch.stack([faces[i]['inputs'] for i in range(num)]).float().div(127.5).sub(1)
    return F.interpolate(pixels, (side, side), mode='bicubic', antialias=True).clamp(-1, 1)


def draw_faces(model, num: int, side: int) -> Tensor:
    """(num, 3, side, side) in [-1, 1]."""
    return draw(model, num, (side, side), batch=32).cpu()


def detail_distance(images: Tensor, real: Tensor) -> Measure:
    """PGGAN's sliced Wasserstein distance, times 1000, of four groups of images and of real faces."""
    a, b = (pyramid_neighbourhoods(x, range(len(x)), 64).chunk(_GROUPS) for x in (images, real))
    return Measure.of([pyramid_distance(*groups) for groups in zip(a, b)])


def zeros_in_dcgan_and_pggan(models: dict, profile: Profile) -> Finding:
    """Claim 3: structure and distance of detail by padding, all cells of the head alike."""
    real = real_faces(2 * profile.faces, _SIDE)
    real, others = real.chunk(2)
    mean = real.mean(0, keepdim=True)
    rows = [['generator', 'padding', 'structure', 'SWD']]
    rows.append(['real faces', '–', str(layout_score(others, mean)), str(detail_distance(others, real))])
    layout, detail, pictures, checks = {}, {}, [('real faces', real[:_SHOWN])], []
    for family, title in _FAMILIES.items():
        images = {name: draw_faces(models[f'{family} {run}'], profile.faces, _SIDE) for name, run in PADDINGS.items()}
        layout[title] = [layout_score(drawn, mean) for drawn in images.values()]
        detail[title] = [detail_distance(drawn, real) for drawn in images.values()]
        rows += [[title, *map(str, row)] for row in zip(PADDINGS, layout[title], detail[title])]
        pictures += [(f'{title}, {name}', drawn[:_SHOWN]) for name, drawn in images.items()]
        none = list(PADDINGS).index('none')
        checks += [
            Check.above(f'{title}, structure', 'zero padding', layout[title][0], 'none', layout[title][none]),
            Check.above(f'{title}, SWD', 'none', detail[title][none], 'zero padding', detail[title][0]),
        ]
    return Finding(rows, checks, _figure_of_scores(layout, detail, list(PADDINGS), pictures))


def one_generator_for_all_sizes(models: dict, profile: Profile) -> Finding:
    """Claim 6: distance of detail at each size, of one generator and of one a size at equal cost together."""
    names = [size_text((side, side)) for side in profile.sizes]
    detail, layout = {'MS-PIE': [], 'one a size': []}, {'MS-PIE': [], 'one a size': []}
    pictures, checks = [], []
    for side, name in zip(profile.sizes, names):
        real = real_faces(profile.faces, side)
        mean = real.mean(0, keepdim=True)
        for label, run in (('MS-PIE', 'mspie'), ('one a size', f'single {side}')):
            images = draw_faces(models[run], profile.faces, side)
            detail[label].append(detail_distance(images, real))
            layout[label].append(layout_score(images, mean))
            pictures.append((f'{label}, {name}', images[:_SHOWN]))
        checks.append(
            Check.above(f'SWD at {name}', 'one a size', detail['one a size'][-1], 'MS-PIE', detail['MS-PIE'][-1])
        )
    rows = [['size', 'SWD: MS-PIE', 'SWD: one a size', 'structure: MS-PIE', 'structure: one a size']]
    rows += [list(map(str, row)) for row in zip(names, *detail.values(), *layout.values())]
    return Finding(rows, checks, _figure_of_scores(layout, detail, names, pictures))


def _figure_of_scores(layout: dict, detail: dict, names: list[str], pictures: list):
    figure = new_figure(12, max(5.5, 1.0 * len(pictures)))
    left, right = figure.subfigures(1, 2)
    above, below = left.subplots(2, 1)
    bars(above, 'Layout', 'structure', layout, names)
    bars(below, 'Distance of detail to real faces', 'SWD x 1000', detail, names)
    picture_rows(pictures, right)
    return figure
