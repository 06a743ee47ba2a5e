"""Another size with the layout kept: the picture stretched, or with more around it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import ANCHORS, InverseMap, Size
from mmpe.models.encodings import CartesianGrid
from mmpe.models.singan import SinGANModel

from .edited import Edited
from .places import clamp, reflect
from .redrawing import redraw

MODES = ('stretch', 'extend')
BEYOND = ('hold', 'mirror', 'continue')


def retarget(
    model: SinGANModel,
    size: Size,
    mode: str | Sequence[str] | None = None,
    anchor: str | None = None,
    beyond: str | None = None,
    start_scale: int | None = None,
    **options,
) -> Edited:
    """Draw the picture at another size with its layout kept.

    Args:
        model (SinGANModel): Trained.
        size (tuple[int, int]): (H, W) in pixels.
        mode (str | Sequence[str] | None): 'stretch' samples the picture's space more densely, 'extend' keeps its
            density and adds space; one for both axes or (that of rows, that of columns). None: what the encoding does
            by itself, which is to stretch if it is Cartesian, or if there is none, else to extend.
        anchor (str | None): Where the picture stays in a larger one: 'center' or 'topleft'. None: the encoding's own.
        beyond (str | None): What coordinates are beyond the picture: 'hold' the edge's, 'mirror' them, or 'continue'
            linearly. None: 'continue' where the encoding extends by itself. Where it would stretch, coordinates beyond
            its ends are none that it was trained on (pictures fade or glow there), so they are held: with random noise
            the edge's own texture goes on. A warped image (``start_scale`` above 0) is always mirrored: held it would
            be smeared.
        start_scale (int | None): See :func:`~mmpe.editing.redrawing.redraw`. None: 0 if there is an encoding and an
            axis is extended, as only the encoding knows anything new; else 1, as coordinates that are stretched are
            filled with more things of the old width.
        **options: See :func:`~mmpe.editing.redrawing.redraw`.

    Returns:
        Edited: At another size than the trained one nothing is kept, as all of it is drawn anew.

    Raises:
        InputError: If the size is too small, or an argument is none of those; also as :func:`redraw`.
    """
    encoding = model.generator.encoding
    stretches = encoding is None or isinstance(encoding, CartesianGrid)
    mode = mode or ('stretch' if stretches else 'extend')
    modes = (mode, mode) if isinstance(mode, str) else tuple(mode)
    if len(modes) != 2:
        raise InputError(f'a mode is one for both axes, or one for rows and one for columns, not {len(modes)}')
    if start_scale is None:
        start_scale = 0 if encoding is not None and 'extend' in modes else 1
    centred = stretches or getattr(encoding, 'center', None) is not None
    anchor = anchor or ('center' if centred else 'topleft')
    beyond = beyond or ('mirror' if start_scale else 'hold' if stretches else 'continue')
    margin = (0, 0) if start_scale else _known_margin(model)
    places = resized(model.scaled_sizes()[-1], size, modes, anchor, beyond, margin)
    return redraw(model, places, start_scale=start_scale, size=size, **options)


def resized(
    old: Size,
    new: Size,
    modes: tuple[str, str],
    anchor: str = 'center',
    beyond: str = 'hold',
    margin: tuple[float, float] = (0, 0),
) -> InverseMap:
    """The inverse map from a picture of size ``new`` (H, W) to one of size ``old``; arguments as in :func:`retarget`.

    Args:
        margin (tuple[float, float]): (rows, columns) in pixels around the old picture that are not yet beyond it.

    Raises:
        InputError: If an argument is none of those.
    """
    _check(anchor, ANCHORS, 'anchor')
    _check(beyond, BEYOND, 'way to go on beyond the picture')
    for mode in modes:
        _check(mode, MODES, 'mode')
    rows, columns = (_axis(*lengths, anchor) for lengths in zip(old, new, modes))
    outside = dict(hold=clamp, mirror=reflect).get(beyond)
    rim = torch.tensor(margin[::-1], dtype=torch.float64)
    whole = tuple(length + 2 * more for length, more in zip(old, margin))

    def places(positions: Tensor) -> Tensor:
        x, y = positions.unbind(-1)
        there = torch.stack((x * columns[0] - columns[1], y * rows[0] - rows[1]), -1)
        return outside(there + rim, whole) - rim if outside else there

    return places


def _known_margin(model) -> tuple[float, float]:
    """How far beyond the picture, in pixels, the network has been trained to see coordinates: (rows, columns)."""
    coarsest, finest = model.scaled_sizes()[0], model.scaled_sizes()[-1]
    cells = model.generator.border.noise_margin
    return tuple(cells * (pixels - 1) / (length - 1) for length, pixels in zip(coarsest, finest))


def _axis(old: int, new: int, mode: str, anchor: str) -> tuple[float, float]:
    """(factor, offset) of one axis: a position is at position * factor - offset."""
    if mode == 'stretch':
        return (old - 1) / max(new - 1, 1), 0
    return 1, (new - old) // 2 if anchor == 'center' else 0


def _check(value: str, known: Sequence[str], what: str) -> None:
    if value not in known:
        raise InputError(f'there is no {what} {value!r}: it is one of {", ".join(known)}')
