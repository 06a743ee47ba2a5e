"""Claim 4: the position information of zero padding is unbalanced."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from mmengine.model import BaseModel

from mmpe.analysis import analysis_inputs, position_probe, spatial_bias
from mmpe.analysis.figures import COLORS, draw_map, new_figure, plain_axes
from mmpe.analysis.position import ReadOut

from ..claim import Check, Finding, Measure, Models, claim
from ..photographs import LAYOUT_LAYER
from ..runs import Profile

_UNBALANCED = 0.5
UNEVEN = {'zero padding': 'singan zero', 'CSG': 'singan csg nopad'}


@claim(
    4,
    "zero padding's spatial bias is unbalanced: exact at the border, vague in the middle",
    expected="slope of the probe's answer: middle < .5 border; balance under that of a Cartesian grid",
    runs=UNEVEN.values(),
)
def zeros_are_unbalanced(models: Models, profile: Profile) -> Finding:
    """The slopes of the probe's answer, and the balance of the neighbours' discriminability."""
    rows = [['generator', 'R²', 'slope near the border', 'slope in the middle', 'middle / border', 'balance']]
    maps, ratios, balances = {}, {}, {}
    for name, run in UNEVEN.items():
        found = [_probed(model, profile) for model in models[run]]
        maps[name] = found[0][0]
        numbers = [Measure.over(map(Measure, values)) for values in zip(*(numbers for _, numbers in found))]
        *_, ratios[name], balances[name] = numbers
        rows.append([name, *map(str, numbers)])
    zero, grid = UNEVEN
    what = 'slope, middle / border'
    checks = [
        Check.above(what, 'the limit', Measure(_UNBALANCED), zero, ratios[zero]),
        Check.above(what, grid, ratios[grid], zero, ratios[zero]),
        Check.above('balance', grid, balances[grid], zero, balances[zero]),
    ]
    return Finding(rows, checks, _error_figure(maps))


def _probed(model: BaseModel, profile: Profile) -> tuple[ReadOut, tuple[float, ...]]:
    """A probe, and of it R², the slopes near the border and in the middle, their ratio, and the bias's balance."""
    inputs = analysis_inputs(model)
    found = position_probe(inputs.generator, inputs.sample_input, [LAYOUT_LAYER], profile.draws).layers[0].linear
    bias = spatial_bias(inputs.generator, inputs.sample_input, [LAYOUT_LAYER], 2 * profile.draws).layers[0]
    outer, inner = found.slopes()
    return found, (found.r2, outer, inner, inner / outer, bias.balance)


def _error_figure(maps: dict) -> Figure:
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
