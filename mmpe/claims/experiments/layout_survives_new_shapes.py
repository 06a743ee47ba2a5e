"""Claim 7: explicit encodings keep the layout at new shapes."""

from __future__ import annotations

from mmpe.analysis.figures import new_figure

from ..claim import Check, Finding, Measure, Models, claim
from ..drawing import bars, picture_rows
from ..runs import Profile
from ..scores import draw, layout_score

EDITABLE = {
    'zero padding': 'singan zero',
    'neither': 'singan interp',
    'zero padding + CSG': 'singan csg',
    'CSG': 'singan csg nopad',
}


@claim(
    7,
    'explicit encodings make SinGAN editable: the layout is kept at new shapes',
    expected='structure at 2:1 and 1:2: CSG, with and without zeros > zero padding',
    runs=EDITABLE.values(),
)
def layout_survives_new_shapes(models: Models, profile: Profile) -> Finding:
    """Structure at half and at twice the aspect ratio, compared with the photograph stretched in the same way."""
    picture = models['singan zero'][0].picture
    height, width = picture.shape[-2:]
    sizes = {
        'own size': (height, width),
        '2:1 (twice as wide)': (height, 2 * width),
        '1:2 (twice as high)': (2 * height, width),
    }
    images = {
        name: [[draw(model, profile.samples, size) for model in models[run]] for size in sizes.values()]
        for name, run in EDITABLE.items()
    }
    scores = {
        name: [Measure.over(layout_score(drawn, picture) for drawn in each) for each in by_size]
        for name, by_size in images.items()
    }
    figure = new_figure(11, 8.5)
    above, below = figure.subfigures(2, 1, height_ratios=(1, 2))
    bars(above.subplots(), 'Layout kept when the shape changes', 'structure', scores, list(sizes))
    rows = [(name, [image for each in by_size for image in each[0][:2]]) for name, by_size in images.items()]
    picture_rows(rows, below)
    checks = [
        Check.above(f'structure at {size}', name, scores[name][i], 'zero padding', scores['zero padding'][i])
        for name in ('zero padding + CSG', 'CSG')
        for i, size in enumerate(sizes)
        if i
    ]
    rows = [['generator', *sizes], *([name, *map(str, by_size)] for name, by_size in scores.items())]
    return Finding(rows, checks, figure)
