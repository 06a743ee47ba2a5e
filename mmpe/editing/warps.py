"""Bend a picture by pulling points of it elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from scipy.interpolate import RBFInterpolator
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import InverseMap, Size
from mmpe.models.singan import SinGANModel
from mmpe.numbers import check_numbers, check_real, size_text

from .edited import Edited
from .redrawing import redraw

Points = Sequence[tuple[float, float]]

_SAME_POINT = 1e-6  # pixels
_ON_A_LINE = 1e-6  # extent across a line, as a share of that along it


def warp(model: SinGANModel, sources: Points, targets: Points, pin: bool = True, **options) -> Edited:
    """Bend the picture so that points of it come to lie elsewhere, by a thin-plate spline.

    Args:
        model (SinGANModel): Trained.
        sources (Sequence[tuple[float, float]]): (x, y) in pixels of the picture, the first pixel's centre being (0, 0).
        targets (Sequence[tuple[float, float]]): Where each is to be.
        pin (bool): Whether the picture's corners stay. If not, one point moves all of the picture, and points on a line
            turn and enlarge it.
        **options: See :func:`~mmpe.editing.redrawing.redraw`.

    Returns:
        Edited: With the reconstruction kept where nothing has moved, if there is such a place.

    Raises:
        InputError: If there are no points, not as many of both, points outside of the picture, or two that cannot both
            be; also as :func:`redraw`.
    """
    size = model.scaled_sizes()[-1]
    sources, targets = (_inside(points, size) for points in (sources, targets))
    if len(sources) != len(targets) or not len(sources):
        raise InputError(
            f'a warp takes a target for each source, at least one: there are {len(sources)} sources and '
            f'{len(targets)} targets'
        )
    if pin:
        corners = np.array([(x, y) for x in (0, size[1] - 1) for y in (0, size[0] - 1)], float)
        free = [corner for corner in corners if np.abs(targets - corner).max(1).min() > _SAME_POINT]
        sources, targets = (np.concatenate([points, np.reshape(free, (-1, 2))]) for points in (sources, targets))
    return redraw(model, thin_plate(sources, targets), **options)


def thin_plate(sources: np.ndarray, targets: np.ndarray) -> InverseMap:
    """The inverse map that shows every source (N, 2) at its target (N, 2), and bends least in between.

    Of points that lie on a line, all bend the same: those turn and enlarge the picture as little as they must.

    Raises:
        InputError: If two sources are to be at one target.
    """
    sources, targets = _off_the_line(*_once(np.asarray(sources, float), np.asarray(targets, float)))
    spline = RBFInterpolator(targets, sources - targets, kernel='thin_plate_spline', degree=1)

    def places(positions: Tensor) -> Tensor:
        points = positions.reshape(-1, 2).cpu().numpy()
        return positions + torch.from_numpy(spline(points)).reshape(positions.shape).to(positions)

    return places


def _inside(points: Points, size: Size) -> np.ndarray:
    """Points as (N, 2), all of them in a picture of ``size`` (H, W)."""
    check_numbers(partial(check_numbers, check_real, 2), points=points)
    array = np.asarray(points, float).reshape(-1, 2)
    for x, y in array:
        if not (-0.5 <= x <= size[1] - 0.5 and -0.5 <= y <= size[0] - 0.5):
            raise InputError(f'the point {x:g},{y:g} does not lie in the picture of {size_text(size)} pixels')
    return array


def _once(sources, targets) -> tuple[np.ndarray, np.ndarray]:
    """Each pair of points once: a spline cannot have two values at one point."""
    kept = []
    for i, target in enumerate(targets):
        same = [j for j in kept if np.abs(targets[j] - target).max() <= _SAME_POINT]
        if same and np.abs(sources[same[0]] - sources[i]).max() > _SAME_POINT:
            raise InputError(f'two points of the picture cannot both be at {target[0]:g},{target[1]:g}')
        kept += [] if same else [i]
    return sources[kept], targets[kept]


def _off_the_line(sources, targets) -> tuple[np.ndarray, np.ndarray]:
    """Add points beside targets that lie on a line, as a plane through them is not determined otherwise.

    They move as the others do by the nearest similarity (turn, enlargement and shift); those of one point, by a shift.
    """
    old, new = ((points - points.mean(0)) @ (1, 1j) for points in (targets, sources))
    farthest = old[np.abs(old).argmax()]
    if farthest and np.abs((old / farthest).imag).max() > _ON_A_LINE:
        return sources, targets
    added = np.array([1j * farthest]) if farthest else np.array([1, 1j])
    turn = np.vdot(old, new) / np.vdot(old, old).real if farthest else 1
    return _with(sources, added * turn), _with(targets, added)


def _with(points, added) -> np.ndarray:
    """Points and further ones, given as complex numbers from their centre."""
    return np.concatenate([points, np.stack([added.real, added.imag], -1) + points.mean(0)])
