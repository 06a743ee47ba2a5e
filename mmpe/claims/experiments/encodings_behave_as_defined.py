"""Claim 5: explicit encodings in place of zero padding."""

from __future__ import annotations

from matplotlib.figure import Figure

from mmpe.analysis import analysis_inputs, position_probe
from mmpe.analysis.figures import new_figure

from ..claim import Check, Finding, Measure, claim
from ..drawing import bars, picture_rows
from ..photographs import LAYOUT_LAYER
from ..runs import Profile
from ..scores import draw, layout_score

_LARGER = 1.5
ENCODINGS = {'CSG': 'singan csg nopad', 'SPE': 'singan spe nopad', 'learned': 'singan learned nopad'}


@claim(
    5,
    'explicit encodings can take its place, each in its own way',
    expected='R² of the probe > .5; a larger image is stretched by CSG and a learned grid, extended by SPE',
    runs=ENCODINGS.values(),
)
def encodings_behave_as_defined(models: dict, profile: Profile) -> Finding:
    """How well the place can be read with each encoding, and whether a larger image stretches or extends the layout."""
    picture = models['singan csg nopad'].picture
    height, width = picture.shape[-2:]
    larger = round(height * _LARGER), round(width * _LARGER)
    rows = [['encoding', 'R²', 'structure', f'stretched ({_LARGER}x)', f'extended ({_LARGER}x)']]
    scores, pictures = {}, [('photograph', [picture])]
    for name, run in ENCODINGS.items():
        inputs = analysis_inputs(models[run])
        r2 = position_probe(inputs.generator, inputs.sample_input, [LAYOUT_LAYER], profile.draws).layers[0].linear.r2
        own = draw(models[run], profile.samples)
        images = draw(models[run], profile.samples, larger)
        extended = layout_score(images[..., :height, :width], picture)
        scores[name] = Measure(r2), layout_score(own, picture), layout_score(images, picture), extended
        rows.append([name, *map(str, scores[name])])
        pictures.append((f'{name}: two at its own size, two at {_LARGER}x', [*own[:2], *images[:2]]))
    checks = [Check(f'R² of the probe: {name} {s[0]} > .5', s[0].value > 0.5) for name, s in scores.items()]
    for name in ('CSG', 'learned'):
        checks.append(Check.above(f'{name}, {_LARGER}x', 'stretched', scores[name][2], 'extended', scores[name][3]))
    checks.append(Check.above(f'SPE, {_LARGER}x', 'extended', scores['SPE'][3], 'stretched', scores['SPE'][2]))
    return Finding(rows, checks, _size_figure(scores, pictures))


def _size_figure(scores: dict, pictures: list) -> Figure:
    figure = new_figure(12, 5.2)
    left, right = figure.subfigures(1, 2)
    bars(
        left.subplots(),
        f'Layout at its own size, and in images {_LARGER} times as large',
        'structure',
        dict(zip(('own size', 'stretched', 'extended'), list(zip(*scores.values()))[1:])),
        list(scores),
    )
    picture_rows(pictures, right)
    return figure
