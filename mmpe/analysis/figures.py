"""Shared parts of the instruments' figures: colors that color-blind readers can tell apart, and no global state."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence

import numpy as np

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator
except ImportError as error:
    raise ImportError("figures need matplotlib, which is not installed: pip install 'mmpe[analysis]'") from error

# Okabe and Ito, "Color universal design", 2008
COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
MARKERS = 'osD^vPX'
MAP_COLORS = 'cividis'
_LONGEST_NAME = 22


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches, which needs no display and is not in pyplot's list."""
    return Figure(figsize=(width, height), layout='constrained')


def to_png(figure: Figure) -> str:
    """The figure as base64 of a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=110)
    return base64.b64encode(buffer.getvalue()).decode()


def clipped(name: str) -> str:
    """A name short enough for an axis. The end is kept, as it says more than the beginning."""
    return name if len(name) <= _LONGEST_NAME else '…' + name[1 - _LONGEST_NAME :]


def numbered(name: str, names: Sequence[str]) -> str:
    """A layer's number among the layers, from 1, and its name."""
    return f'{list(names).index(name) + 1}: {clipped(name)}'


def name_layers(axes: Axes, names: Sequence[str]) -> None:
    """Label an axis with numbered layers."""
    labels = [numbered(name, names) for name in names]
    axes.set_xticks(range(len(names)), labels, rotation=40, ha='right', rotation_mode='anchor', fontsize=8)
    axes.set_xlim(-0.5, len(names) - 0.5)


def plain_axes(axes: Axes, title: str, x: str, y: str) -> None:
    """Set title and labels, and hide the frame at the top and on the right."""
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[['top', 'right']].set_visible(False)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)


def draw_decibels(axes: Axes, values: Sequence[float], colors: Sequence[str], names: Sequence[str]) -> None:
    """Draw bars with their values. A bar for infinity is a quarter higher than the highest finite one."""
    top = max([value for value in values if math.isfinite(value)], default=50) * 1.25
    heights = [min(value, top) for value in values]
    axes.bar(range(len(values)), heights, color=colors, width=0.6)
    for i, value in enumerate(values):
        axes.annotate(short(value, 1), (i, max(heights[i], 0)), ha='center', va='bottom', fontsize=8)
    axes.set_xticks(range(len(values)), names)


def draw_map(
    axes: Axes,
    values: np.ndarray,
    title: str,
    lowest: float | None = None,
    highest: float | None = None,
    first: int = 0,
):
    """Draw a map. Columns and rows are numbered from ``first``."""
    left, right, bottom, top = -0.5, values.shape[1] - 0.5, values.shape[0] - 0.5, -0.5
    extent = [edge + first for edge in (left, right, bottom, top)]
    image = axes.imshow(values, cmap=MAP_COLORS, vmin=lowest, vmax=highest, interpolation='nearest', extent=extent)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_title(title, fontsize=9)
    axes.set_xlabel('column', fontsize=8)
    axes.set_ylabel('row', fontsize=8)
    axes.tick_params(labelsize=7)
    return image


def spread(items: Sequence, at_most: int = 4) -> list:
    """Some of the items, evenly spaced, the last one included."""
    if len(items) <= at_most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (at_most - 1))] for i in range(at_most)]


def short(number: float, digits: int = 2) -> str:
    """A number for tables and sentences, such as .31, -.02, 4.56 or ∞. – stands for a missing number."""
    if number is None or math.isnan(number):
        return '–'
    if math.isinf(number):
        return '∞' if number > 0 else '-∞'
    text = f'{number:.{digits}f}'
    if text in (f'0.{"0" * digits}', f'-0.{"0" * digits}'):
        return f'.{"0" * digits}' if digits else '0'
    return text.replace('0.', '.', 1) if text.startswith(('0.', '-0.')) else text
