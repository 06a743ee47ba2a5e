"""Bend a picture by pulling points of it elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import numpy as np
import scipy
import torch
from torch import Tensor

from mmpe.arguments import Text
from mmpe.errors import InputError
from mmpe.grid import InverseMap, Size
from mmpe.models.singan import SinGANSampler
from mmpe.numbers import check_numbers, check_real, shown, size_text

from ..edited import Edited
from ..redrawing import redraw
from ..tasks import Drawing, read_point, task

Points = Sequence[tuple[float, float]]

_SAME_POINT = 1e-6  # pixels
_ON_A_LINE = 1e-6  # extent across a line, as a share of that along it


def warp(model: SinGANSampler, sources: Points, targets: Points, pin: bool = True, **options) -> Edited:
    """Bend the picture so that points of it come to lie elsewhere, by a thin-plate spline.

    Args:
        model: Trained.
        sources: Points (x, y) in pixels of the picture; the center of the first pixel is (0, 0).
        targets: Where each point will be.
        pin: Whether the picture's corners stay. If not, one point moves the whole picture, and points on a line turn
            and enlarge it.
        **options: See :func:`~mmpe.editing.redraw`.

    Returns:
        The images. The reconstruction is kept where nothing has moved, if there is such a place.

    Raises:
        InputError: If there are no points, their numbers differ, a point lies outside of the picture, or two points
            contradict each other; also as :func:`redraw`.

    >>> from mmpe.editing.example import example_singan
    >>> warp(example_singan(), sources=[(8, 12)], targets=[(11, 12)], num=2).images.shape
    torch.Size([2, 3, 24, 32])
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

    Points on a line do not determine a plane: they turn and enlarge the picture as little as they must.

    Raises:
        InputError: If two sources share a target.

    >>> corners = np.array([[0, 0], [4, 0], [0, 4]])
    >>> thin_plate(corners, corners + 1)(torch.tensor([[3.0, 3.0]])).round(decimals=3).tolist()
    [[2.0, 2.0]]
    """
    sources, targets = _off_the_line(*_once(np.asarray(sources, float), np.asarray(targets, float)))
    spline = scipy.interpolate.RBFInterpolator(targets, sources - targets, kernel='thin_plate_spline', degree=1)

    def inverse_map(positions: Tensor) -> Tensor:
        points = positions.reshape(-1, 2).cpu().numpy()
        return positions + torch.from_numpy(spline(points)).reshape(positions.shape).to(positions)

    return inverse_map


def _inside(points: Points, size: Size) -> np.ndarray:
    """Points as (N, 2), which all lie in a picture of ``size``."""
    check_numbers(partial(check_numbers, check_real, 2), points=points)
    array = np.asarray(points, float).reshape(-1, 2)
    for x, y in array:
        if not (-0.5 <= x <= size[1] - 0.5 and -0.5 <= y <= size[0] - 0.5):
            raise InputError(f'the point {x:g},{y:g} does not lie in the picture of {size_text(size)} pixels')
    return array


def _once(sources: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each pair of points once: a spline cannot have two values at one point."""
    kept = []
    for i, target in enumerate(targets):
        same = [j for j in kept if np.abs(targets[j] - target).max() <= _SAME_POINT]
        if same and np.abs(sources[same[0]] - sources[i]).max() > _SAME_POINT:
            raise InputError(f'two points of the picture cannot both be at {target[0]:g},{target[1]:g}')
        kept += [] if same else [i]
    return sources[kept], targets[kept]


def _off_the_line(sources: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add points beside targets that lie on a line, which do not determine a plane.

    They move as the others do by the nearest similarity (turn, enlargement and shift), and beside a
    single point by a shift.
    """
    old, new = ((points - points.mean(0)) @ (1, 1j) for points in (targets, sources))
    farthest = old[np.abs(old).argmax()]
    if farthest and np.abs((old / farthest).imag).max() > _ON_A_LINE:
        return sources, targets
    added = np.array([1j * farthest]) if farthest else np.array([1, 1j])
    turn = np.vdot(old, new) / np.vdot(old, old).real if farthest else 1
    return _with(sources, added * turn), _with(targets, added)


def _with(points: np.ndarray, added: np.ndarray) -> np.ndarray:
    """Points and further ones, given as complex numbers from their center."""
    return np.concatenate([points, np.stack([added.real, added.imag], -1) + points.mean(0)])


def read_points(text: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Read a point, and where it will be.

    >>> read_points('31,13:36,8')
    ((31.0, 13.0), (36.0, 8.0))
    """
    points = text.split(':')
    if len(points) != 2:
        raise InputError(f'a point and where it is to be is X,Y:X,Y, such as 31,13:36,8, not {shown(text)}')
    source, target = map(read_point, points)
    return source, target


@task('warp', '--points 31,13:36,8 31,42:31,42 --start-scale 1')
def warp_task(
    model: SinGANSampler,
    *,
    points: list[Annotated[tuple[tuple[float, float], tuple[float, float]], Text(read_points, 'X,Y:X,Y')]],
    no_pin: bool = False,
    drawing: Drawing,
) -> Edited:
    """Bend the picture by points of it.

    Args:
        points: points of the picture, in pixels, and where they are to be
        no_pin: let the picture's corners go along
    """
    sources, targets = zip(*points)
    return warp(model, sources, targets, pin=not no_pin, **drawing.options())
