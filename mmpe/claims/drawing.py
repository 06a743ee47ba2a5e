"""Figures of experiments: images in rows, and bars with their uncertainty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from torch import Tensor

from mmpe.analysis.figures import COLORS, plain_axes
from mmpe.visualization import to_picture

from .claim import Measure

Row = tuple[str, Sequence[Tensor]]


def picture_rows(rows: Sequence[Row], figure: FigureBase) -> None:
    """Draw rows of images, each under its name. Images of a column may differ in size.

    Args:
        rows: A name and images, (3, H, W) or (1, 3, H, W) in [-1, 1].
        figure: The figure to draw on.
    """
    columns = max(len(images) for _, images in rows)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes, (name, images) in zip(grid, rows):
        axes[0].set_title(name, fontsize=9, loc='left')
        for axis in axes:
            axis.set_axis_off()
        for axis, image in zip(axes, images):
            axis.imshow(to_picture(image), interpolation='nearest')


def bars(axes: Axes, title: str, what: str, groups: dict[str, Sequence[Measure]], names: Sequence[str]) -> None:
    """Draw bars side by side, with their standard errors.

    Args:
        axes: The axes to draw on.
        title: The title above the bars.
        what: The quantity that the height shows.
        groups: One measure per name, by group. Each group has its own color.
        names: The labels under the bars.
    """
    width = 0.8 / len(groups)
    for i, (label, measures) in enumerate(groups.items()):
        at = np.arange(len(names)) + (i - (len(groups) - 1) / 2) * width
        heights, errors = [m.value for m in measures], [m.error for m in measures]
        axes.bar(at, heights, 0.9 * width, yerr=errors, color=COLORS[i], ecolor='black', capsize=3, label=label)
        for x, measure in zip(at, measures):
            above = measure.value + measure.error
            axes.annotate(_number(measure.value), (x, max(above, 0)), ha='center', va='bottom', fontsize=8)
    axes.set_xticks(range(len(names)), names, fontsize=8)
    plain_axes(axes, title, '', what)
    axes.axhline(0, color='black', linewidth=0.8)
    axes.margins(y=0.12)
    if len(groups) > 1:
        axes.margins(y=0.25)  # for the legend, which would hide bars elsewhere
        axes.legend(fontsize=8, loc='upper center', ncols=len(groups))


def _number(value: float) -> str:
    return f'{value:.2f}' if abs(value) >= 0.095 else f'{value:.3f}'
