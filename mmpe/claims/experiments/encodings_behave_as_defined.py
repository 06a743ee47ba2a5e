"""Claim 5: explicit encodings in place of zero padding."""

from __future__ import annotations

from matplotlib.figure import Figure
from mmengine.model import BaseModel

from mmpe.analysis import analysis_inputs, position_probe
from mmpe.analysis.figures import new_figure

from ..claim import Check, Finding, Measure, Models, claim
from ..drawing import bars, picture_rows
from ..photographs import LAYOUT_LAYER
from ..runs import Profile
from ..scores import draw, layout_score

_LARGER = 1.5
_READABLE = 0.5
ENCODINGS = {'CSG': 'singan csg nopad', 'SPE': 'singan spe nopad', 'learned': 'singan learned nopad'}


@claim(
    5,
    'explicit encodings can take its place, each in its own way',
    expected='R² of the probe > .5; a larger image is stretched by CSG and a learned grid, extended by SPE',
    runs=ENCODINGS.values(),
)
def encodings_behave_as_defined(models: Models, profile: Profile) -> Finding:
    """How well the place can be read with each encoding, and whether a larger image stretches or extends the layout."""
    picture = models['singan csg nopad'][0].picture
    height, width = picture.shape[-2:]
    larger = round(height * _LARGER), round(width * _LARGER)
    rows = [['encoding', 'R²', 'structure', f'stretched ({_LARGER}x)', f'extended ({_LARGER}x)']]
    scores, pictures = {}, [('photograph', [picture])]
    for name, run in ENCODINGS.items():
        own = [draw(model, profile.samples) for model in models[run]]
        images = [draw(model, profile.samples, larger) for model in models[run]]
        scores[name] = (
            Measure.over(_readable(model, profile) for model in models[run]),
            Measure.over(layout_score(drawn, picture) for drawn in own),
            Measure.over(layout_score(drawn, picture) for drawn in images),
            Measure.over(layout_score(drawn[..., :height, :width], picture) for drawn in images),
        )
        rows.append([name, *map(str, scores[name])])
        pictures.append((f'{name}: two at its own size, two at {_LARGER}x', [*own[0][:2], *images[0][:2]]))
    limit = Measure(_READABLE)
    checks = [Check.above('R² of the probe', name, s[0], 'the limit', limit) for name, s in scores.items()]
    for name in ('CSG', 'learned'):
        checks.append(Check.above(f'{name}, {_LARGER}x', 'stretched', scores[name][2], 'extended', scores[name][3]))
    checks.append(Check.above(f'SPE, {_LARGER}x', 'extended', scores['SPE'][3], 'stretched', scores['SPE'][2]))
    return Finding(rows, checks, _size_figure(scores, pictures))


def _readable(model: BaseModel, profile: Profile) -> Measure:
    """How well a probe reads places from the features of the coarsest block: R²."""
    inputs = analysis_inputs(model)
    found = position_probe(inputs.generator, inputs.sample_input, [LAYOUT_LAYER], profile.draws)
    return Measure(found.layers[0].linear.r2)


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
