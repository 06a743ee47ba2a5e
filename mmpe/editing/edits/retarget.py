"""Another size with the layout kept: the picture stretched, or with more around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from mmpe import arguments
from mmpe.errors import InputError
from mmpe.grid import ANCHORS, InverseMap, Size
from mmpe.models.encodings import CartesianGrid
from mmpe.models.singan import SinGANSampler

from ..edited import Edited
from ..inverse_maps import clamp, reflect
from ..redrawing import redraw
from ..tasks import Drawing, Scale, task

MODES = ('stretch', 'extend')
BEYOND = ('hold', 'mirror', 'continue')


def retarget(
    model: SinGANSampler,
    size: Size,
    mode: str | Sequence[str] | None = None,
    anchor: str | None = None,
    beyond: str | None = None,
    start_scale: int | None = None,
    **options,
) -> Edited:
    """Draw the picture at another size with its layout kept.

    Args:
        model: Trained.
        size: (height, width) in pixels.
        mode: 'stretch' samples the picture's space more densely; 'extend' keeps its density and adds space. One for
            both axes, or (that of rows, that of columns). None: as the encoding does by itself. A Cartesian grid
            stretches, and so does a network without an encoding; other encodings extend.
        anchor: Where the picture stays in a larger one: 'center' or 'topleft'. None: the encoding's own.
        beyond: Coordinates beyond the picture: 'hold' those of the edge, 'mirror' them, or 'continue' linearly. None:
            'continue' where the encoding extends by itself. Where it stretches, the network was not trained on
            coordinates beyond its ends, and pictures fade or glow there. So they are held, and with random noise the
            edge's texture continues. A warped image (``start_scale`` above 0) is mirrored: held, it would be smeared.
        start_scale: See :func:`~mmpe.editing.redraw`. None: 0 if there is an encoding and an axis is extended, because
            only the encoding knows anything new; else 1, because the network fills coordinates that are stretched with
            more things of the old width.
        **options: See :func:`~mmpe.editing.redraw`.

    Returns:
        The images. At another size than the trained one nothing is kept: the whole image is drawn anew.

    Raises:
        InputError: If the size is too small, or there is no such mode, anchor or way to go on; also as :func:`redraw`.

    >>> from mmpe.editing.example import example_singan
    >>> retarget(example_singan(), (24, 48), mode='extend', num=2).images.shape
    torch.Size([2, 3, 24, 48])
    """
    encoding = model.generator.encoding
    stretches = encoding is None or isinstance(encoding, CartesianGrid)
    mode = mode or ('stretch' if stretches else 'extend')
    modes = (mode, mode) if isinstance(mode, str) else tuple(mode)
    if len(modes) != 2:
        raise InputError(f'a mode is one for both axes, or one for rows and one for columns, not {len(modes)}')
    if start_scale is None:
        start_scale = model.first_start_scale if encoding is not None and 'extend' in modes else 1
    centered = stretches or getattr(encoding, 'center', None) is not None
    anchor = anchor or ('center' if centered else 'topleft')
    beyond = beyond or ('mirror' if start_scale else 'hold' if stretches else 'continue')
    margin = (0, 0) if start_scale else _known_margin(model)
    inverse_map = resized(model.scaled_sizes()[-1], size, modes, anchor, beyond, margin)
    return redraw(model, inverse_map, start_scale=start_scale, size=size, **options)


def resized(
    old: Size,
    new: Size,
    modes: tuple[str, str],
    anchor: str = 'center',
    beyond: str = 'hold',
    margin: tuple[float, float] = (0, 0),
) -> InverseMap:
    """The inverse map from a picture of size ``new`` to one of size ``old``; arguments as in :func:`retarget`.

    Args:
        old: (height, width).
        new: (height, width).
        modes: Of (rows, columns).
        anchor: Where the old picture stays.
        beyond: What is seen beyond it.
        margin: (rows, columns) in pixels around the old picture that do not count as beyond it.

    Raises:
        InputError: If there is no such mode, anchor or way to go on.

    >>> inverse_map = resized((4, 6), (4, 8), ('stretch', 'extend'))
    >>> inverse_map(torch.tensor([[1.0, 0.0], [0.0, 0.0]], dtype=torch.float64)).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """
    _check(anchor, ANCHORS, 'anchor')
    _check(beyond, BEYOND, 'way to go on beyond the picture')
    for mode in modes:
        _check(mode, MODES, 'mode')
    rows, columns = (_axis(*lengths, anchor) for lengths in zip(old, new, modes))
    outside = dict(hold=clamp, mirror=reflect).get(beyond)
    rim = torch.tensor(margin[::-1], dtype=torch.float64)
    whole = tuple(length + 2 * more for length, more in zip(old, margin))

    def inverse_map(positions: Tensor) -> Tensor:
        x, y = positions.unbind(-1)
        there = torch.stack((x * columns[0] - columns[1], y * rows[0] - rows[1]), -1)
        return outside(there + rim, whole) - rim if outside else there

    return inverse_map


def _known_margin(model: SinGANSampler) -> tuple[float, float]:
    """(rows, columns) in pixels beyond the picture whose coordinates the network has seen in training."""
    coarsest, finest = model.scaled_sizes()[0], model.scaled_sizes()[-1]
    cells = model.generator.padding.margin
    return tuple(cells * (pixels - 1) / (length - 1) for length, pixels in zip(coarsest, finest))


def _axis(old: int, new: int, mode: str, anchor: str) -> tuple[float, float]:
    """(factor, offset) of one axis: a position is at position * factor - offset."""
    if mode == 'stretch':
        return (old - 1) / max(new - 1, 1), 0
    return 1, (new - old) // 2 if anchor == 'center' else 0


def _check(value: str, known: Sequence[str], what: str) -> None:
    if value not in known:
        raise InputError(f'there is no {what} {value!r}: it is one of {", ".join(known)}')


@dataclass
class _Drawing(Drawing):
    start_scale: Scale | None = None


@task('retarget', '--size 64x192 --mode extend')
def retarget_task(
    model: SinGANSampler,
    *,
    size: arguments.Size,
    mode: list[Literal[MODES]] | None = None,
    anchor: Literal[ANCHORS] | None = None,
    beyond: Literal[BEYOND] | None = None,
    drawing: _Drawing,
) -> Edited:
    """Another size with the layout kept.

    Args:
        size: in pixels
        mode: stretch what there is, or extend the picture; one for both axes, or one for rows and one for columns;
            default: what the encoding does by itself
        anchor: where the picture stays; default: the encoding's own
        beyond: what comes beyond the picture: its edge's texture, its mirror image, or ever larger coordinates;
            default: what the encoding is fit for
        start_scale: 0: tell the encoding of the new layout; above: show this scale a picture of it; default: 0 if an
            axis is extended and there is an encoding, else 1
    """
    mode = mode[0] if mode is not None and len(mode) == 1 else mode
    return retarget(model, size, mode, anchor, beyond, **drawing.options())
