"""Compare SinGANs of one photograph that differ only in their padding."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.figure import Figure
from torch import Tensor

from mmpe.analysis.figures import new_figure

from .claim import Measure, Models
from .drawing import bars, picture_rows
from .runs import Profile
from .scores import draw

PADDINGS = {'zero': 'singan zero', 'reflect': 'singan reflect', 'none (interp)': 'singan interp'}
LAYOUT_LAYER = 'blocks.0.body.block3'
"""The last features of the coarsest block, where the layout is decided."""
_SHOWN = 4


def score_by_padding(
    models: Models, profile: Profile, score: Callable[[Tensor, Tensor], Measure], what: str, title: str
) -> tuple[dict[str, Measure], Figure]:
    """Scores of samples against the photograph by padding, and a figure of both."""
    picture = models['singan zero'][0].picture
    images = {name: [draw(model, profile.samples) for model in models[run]] for name, run in PADDINGS.items()}
    scores = {name: Measure.over(score(drawn, picture) for drawn in each) for name, each in images.items()}
    figure = new_figure(10, 4.2)
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.6))
    bars(left.subplots(), title, what, {what: list(scores.values())}, list(scores))
    picture_rows([('photograph', [picture]), *((name, each[0][:_SHOWN]) for name, each in images.items())], right)
    return scores, figure
