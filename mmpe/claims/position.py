"""Claims about the sense of place itself: how uneven it is, and what different encodings make of it (4, 5)."""

from __future__ import annotations

import numpy as np

from mmpe.analysis import analysis_inputs, position_probe, spatial_bias
from mmpe.analysis.figures import COLORS, draw_map, new_figure, plain_axes

from .claim import Check, Finding, Measure
from .drawing import bars, picture_rows
from .pictures import draw, layout_score
from .runs import Profile

# the last features of the coarsest block: where the layout is decided
_LAYER = 'blocks.0.body.block3'
_UNBALANCED = 0.5
_LARGER = 1.5
UNEVEN = {'zero padding': 'singan zero', 'CSG': 'singan csg nopad'}
ENCODINGS = {'CSG': 'singan csg nopad', 'SPE': 'singan spe nopad', 'learned': 'singan learned nopad'}


def zeros_are_unbalanced(models: dict, profile: Profile) -> Finding:
    """Claim 4: where the probe's answer follows the place, and the balance of neighbours' discriminability."""
    rows = [['generator', 'R²', 'slope near the border', 'slope in the middle', 'middle / border', 'balance']]
    maps, ratios, balances = {}, {}, {}
    for name, run in UNEVEN.items():
        inputs = analysis_inputs(models[run])
        found = position_probe(inputs.generator, inputs.sample_input, [_LAYER], profile.draws).layers[0].linear
        bias = spatial_bias(inputs.generator, inputs.sample_input, [_LAYER], 2 * profile.draws).layers[0]
        outer, inner = found.slopes()
        maps[name], ratios[name], balances[name] = found, inner / outer, bias.balance
        numbers = found.r2, outer, inner, inner / outer, bias.balance
        rows.append([name, *(f'{number:.2f}' for number in numbers)])
    zero, grid = UNEVEN
    checks = [
        Check(f'slope, middle / border: {zero} {ratios[zero]:.2f} < {_UNBALANCED}', ratios[zero] < _UNBALANCED),
        Check(f'and < that of {grid}, {ratios[grid]:.2f}', ratios[zero] < ratios[grid]),
        Check(f'balance: {zero} {balances[zero]:.2f} < {grid} {balances[grid]:.2f}', balances[zero] < balances[grid]),
    ]
    return Finding(rows, checks, _error_figure(maps))


def _error_figure(maps: dict):
    figure = new_figure(12, 3.4)
    axes = figure.subplots(1, len(maps) + 1)
    highest = max(found.error_map.max() for found in maps.values())
    for axis, (name, found) in zip(axes, maps.items()):
        image = draw_map(axis, found.error_map, f'{name}: R² {found.r2:.2f}', 0, highest)
    figure.colorbar(image, ax=list(axes[:-1]), shrink=0.8).set_label('error of the probe, in cells', fontsize=8)
    for color, (name, found) in zip(COLORS, maps.items()):
        answers = found.answer_map[0].mean(0)
        places = np.linspace(-1, 1, len(answers))
        axes[-1].plot(places, answers, color=color, marker='.', label=name)
    axes[-1].plot(places, places, color='black', linewidth=0.8, linestyle='--', label='right')
    axes[-1].legend(fontsize=8)
    plain_axes(axes[-1], "The probe's mean answer", 'x, from the left border (-1) to the right one (1)', 'answer')
    return figure


def encodings_behave_as_defined(models: dict, profile: Profile) -> Finding:
    """Claim 5: how well each encoding tells places, and whether a larger image stretches the layout or extends it."""
    picture = models['singan csg nopad'].picture
    height, width = picture.shape[-2:]
    larger = round(height * _LARGER), round(width * _LARGER)
    rows = [['encoding', 'R²', 'structure', f'stretched ({_LARGER}x)', f'extended ({_LARGER}x)']]
    scores, pictures = {}, [('photograph', [picture])]
    for name, run in ENCODINGS.items():
        inputs = analysis_inputs(models[run])
        r2 = position_probe(inputs.generator, inputs.sample_input, [_LAYER], profile.draws).layers[0].linear.r2
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


def _size_figure(scores: dict, pictures: list):
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
