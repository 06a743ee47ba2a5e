"""Which pixels belong to a thing that somebody has pointed at: GrabCut, or a random walker.

Convention:
    Points are (x, y), pixel centers at whole numbers. A box is (left, top, width, height).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy
from skimage.draw import disk, line, polygon2mask
from skimage.measure import approximate_polygon, find_contours
from skimage.segmentation import random_walker

from mmpe.errors import InputError
from mmpe.grid import Box, Size
from mmpe.numbers import is_real, shown

UNKNOWN, INSIDE, OUTSIDE, PERHAPS = range(4)
"""What is known of a pixel: nothing, that it belongs to the thing, that it does not, that it may well."""

Points = Sequence[tuple[float, float]]

_MOST_POINTS = 10_000
_CLICK = 0.02  # of the long side: the radius around a click that surely belongs to the thing
_NEAR = 0.2  # of the long side: the radius that may well
_CORE = 0.6  # of the way to the innermost pixel: what is deeper inside a lasso surely belongs to the thing
_ROUNDS, _BETA = 5, 300  # of GrabCut; how much the walker minds differences of color
_TOLERANCE = 0.4  # pixels that an outline may be off


def select(picture: np.ndarray, marks: Mapping[str, Any], how: str = 'grabcut') -> np.ndarray:
    """The mask of a thing.

    Args:
        picture: (H, W, 3), uint8.
        marks: One of ``click`` (x, y), ``box``, ``lasso`` (points) and ``strokes`` (a dict with lists of points,
            ``inside`` and ``outside``).
        how: 'grabcut', 'walker', or 'exact' for the box, the lasso or the strokes themselves.

    Returns:
        (H, W), bool: what belongs to the thing and hangs together with its marks, without holes.

    Raises:
        InputError: If the marks cannot be read, do not lie in the picture, or nothing is found by them.

    >>> picture = np.zeros((20, 30, 3), np.uint8)
    >>> picture[5:15, 8:20] = 255
    >>> select(picture, dict(click=(12, 9))).sum(), select(picture, dict(box=(6, 3, 17, 14)), 'walker').sum()
    (np.int64(120), np.int64(120))
    """
    if how not in _METHODS:
        raise InputError(f'there is no way to select called {shown(how)}: choose from {", ".join(_METHODS)}')
    known = read_marks(marks, picture.shape[:2])
    if not (known == INSIDE).any():
        raise InputError('nothing of what was marked lies in the picture')
    found = _METHODS[how](picture, known)
    areas, _ = scipy.ndimage.label(found | (known == INSIDE))
    marked = np.unique(areas[known == INSIDE])
    return scipy.ndimage.binary_fill_holes(np.isin(areas, marked[marked > 0]))


def outline(mask: np.ndarray) -> list[list[tuple[float, float]]]:
    """The outlines of a mask (H, W), the longest first, as closed lists of points.

    >>> mask = np.zeros((6, 8), bool)
    >>> mask[2:4, 3:6] = True
    >>> len(outline(mask)), min(outline(mask)[0])
    (1, (2.5, 2.0))
    """
    contours = find_contours(np.pad(mask.astype(float), 1), 0.5)
    found = [
        approximate_polygon(contour, _TOLERANCE)[:, ::-1] - 1 for contour in sorted(contours, key=len, reverse=True)
    ]
    return [[(float(x), float(y)) for x, y in contour] for contour in found]


def box_of(mask: np.ndarray) -> Box:
    """The smallest box around a mask (H, W) that is not empty.

    >>> mask = np.zeros((6, 8), bool)
    >>> mask[2:4, 3:6] = True
    >>> box_of(mask)
    (3, 2, 3, 2)
    """
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1


def read_marks(marks: Mapping[str, Any], size: Size) -> np.ndarray:
    """What marks say of each pixel of a picture of ``size``, (H, W); arguments and errors as in :func:`select`.

    >>> np.unique(read_marks(dict(box=(2, 2, 4, 4)), (8, 12))).tolist() == [INSIDE, OUTSIDE, PERHAPS]
    True
    """
    given = [kind for kind in _MARKS if marks.get(kind) is not None]
    if len(given) != 1:
        raise InputError(f'a selection is by one of {", ".join(_MARKS)}')
    return _MARKS[given[0]](marks[given[0]], size)


def _by_click(click: Any, size: Size) -> np.ndarray:
    ((x, y),) = _points([click])
    known = np.full(size, UNKNOWN)
    known[_frame(size)] = OUTSIDE
    known[_disk(x, y, max(1.5, _NEAR * max(size)), size)] = PERHAPS
    known[_disk(x, y, max(1, _CLICK * max(size)), size)] = INSIDE
    return known


def _by_box(box: Any, size: Size) -> np.ndarray:
    if not isinstance(box, (list, tuple)) or len(box) != 4 or not all(map(is_real, box)):
        raise InputError(f'a box is LEFT,TOP,WIDTH,HEIGHT in pixels, not {shown(box)}')
    left, top, width, height = box
    right, bottom = left + width - 1, top + height - 1
    return _by_lasso([(left, top), (right, top), (right, bottom), (left, bottom)], size)


def _by_lasso(points: Any, size: Size) -> np.ndarray:
    corners = np.array(_points(points))[:, ::-1]
    within = polygon2mask(size, corners) if len(corners) > 2 else np.zeros(size, bool)
    for start, stop in zip(corners, np.roll(corners, -1, 0)):
        _draw_line(within, start, stop)
    depth = scipy.ndimage.distance_transform_edt(np.pad(within, 1))[1:-1, 1:-1]
    known = np.where(within, PERHAPS, OUTSIDE)
    known[within & (depth >= _CORE * depth.max())] = INSIDE
    return known


def _by_strokes(strokes: Any, size: Size) -> np.ndarray:
    if not isinstance(strokes, dict):
        raise InputError('strokes are lists of points, "inside" and "outside"')
    known = np.full(size, UNKNOWN)
    if not strokes.get('outside'):
        known[_frame(size)] = OUTSIDE
    for name, value in (('outside', OUTSIDE), ('inside', INSIDE)):
        drawn = np.zeros(size, bool)
        for stroke in strokes.get(name) or []:
            corners = np.array(_points(stroke))[:, ::-1]
            for start, stop in zip(corners, [*corners[1:], corners[-1]]):
                _draw_line(drawn, start, stop)
        known[drawn] = value
    return known


def _points(points: Any) -> Points:
    if not isinstance(points, (list, tuple)) or not 0 < len(points) <= _MOST_POINTS:
        raise InputError(f'a list of 1 to {_MOST_POINTS} points is needed, not {shown(points)}')
    for point in points:
        if not isinstance(point, (list, tuple)) or len(point) != 2 or not all(is_real(n, -1e6, 1e6) for n in point):
            raise InputError(f'a point is two numbers, x and y, not {shown(point)}')
    return points


def _disk(x: float, y: float, radius: float, size: Size) -> tuple[np.ndarray, np.ndarray]:
    return disk((y, x), radius, shape=size)


def _draw_line(mask: np.ndarray, start: np.ndarray, stop: np.ndarray) -> None:
    """Draw a line from one (row, column) to another, as far as it lies in the mask."""
    most = np.array(mask.shape) - 1
    mask[line(*np.clip([start, stop], 0, most).round().astype(int).ravel())] = True


def _frame(size: Size) -> np.ndarray:
    """The outermost pixels of a picture, (H, W)."""
    return ~np.pad(np.ones([max(0, n - 2) for n in size], bool), 1)[: size[0], : size[1]]


# -------------------------------------------------------------------- what belongs to the thing


def _grabcut(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    if importlib.util.find_spec('cv2') is None:
        raise InputError('GrabCut needs OpenCV: pip install opencv-python-headless, or select by "walker"')
    import cv2

    flags = {UNKNOWN: cv2.GC_PR_BGD, INSIDE: cv2.GC_FGD, OUTSIDE: cv2.GC_BGD, PERHAPS: cv2.GC_PR_FGD}
    mask = np.zeros(known.shape, np.uint8)
    for kind, flag in flags.items():
        mask[known == kind] = flag
    if not np.isin(mask, (cv2.GC_BGD, cv2.GC_PR_BGD)).any():
        return np.ones(known.shape, bool)
    cv2.setRNGSeed(0)  # the same marks give the same mask
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(np.ascontiguousarray(picture[..., ::-1]), mask, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _walker(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    seeds = np.where(known == PERHAPS, UNKNOWN, known)
    if not (seeds == UNKNOWN).any():
        return seeds == INSIDE
    return random_walker(picture / 255, seeds, beta=_BETA, mode='cg_j', tol=1e-5, channel_axis=-1) == INSIDE


def _exact(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    return np.isin(known, (INSIDE, PERHAPS))


_MARKS: dict[str, Callable] = dict(click=_by_click, box=_by_box, lasso=_by_lasso, strokes=_by_strokes)
_METHODS: dict[str, Callable] = dict(grabcut=_grabcut, walker=_walker, exact=_exact)
