"""A part of a picture: how far away it is, and what its surroundings would look like without it."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import scipy
import torch
import torch.nn.functional as F
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Box, Size

from .inverse_maps import clamp, look_up, nearest_pixel, reflect
from .masks import box_mask, dilate

_REFLECTIONS = 4
_RING = 3  # pixels around a region that its cover has to match
_FARTHER = 1e-3  # what a pixel of distance costs, in squared differences of colors in [-1, 1]


class Region:
    """A part of a picture.

    Args:
        mask: (1, 1, H, W), at least 0.5 in the region.

    Raises:
        InputError: If the region is empty.

    >>> region = Region.of((2, 1, 4, 3), size=(8, 12))
    >>> region.box, region.distance(torch.tensor([[0.0, 2.0], [3.0, 2.0]], dtype=torch.float64)).tolist()
    ((2, 1, 4, 3), [1.5, -1.5])
    """

    def __init__(self, mask: Tensor):
        inside = mask[0, 0].cpu().numpy() >= 0.5
        if not inside.any():
            raise InputError('the region is empty')
        self.size = tuple(inside.shape)
        self.inside = torch.from_numpy(inside)
        # a pixel extends half a pixel from its center
        outwards, inwards = (scipy.ndimage.distance_transform_edt(mask) for mask in (~inside, inside))
        self._distance = torch.from_numpy((outwards - 0.5).clip(0) - (inwards - 0.5).clip(0))

    @classmethod
    def of(cls, region: Box | Tensor, size: Size) -> Region:
        """The region of a box (left, top, width, height) or of a mask (1, 1, H, W), in a picture of ``size``.

        Raises:
            InputError: If the box leaves the picture, or the mask has another size or is empty.
        """
        mask = region if isinstance(region, Tensor) else box_mask(region, size)
        if tuple(mask.shape) != (1, 1, *size):
            raise InputError(
                f'a mask of shape {tuple(mask.shape)} is not one of the picture, (1, 1, {size[0]}, {size[1]})'
            )
        return cls(mask)

    @property
    def box(self) -> Box:
        """The smallest box around it, (left, top, width, height)."""
        ((rows, columns),) = scipy.ndimage.find_objects(self.inside.numpy().astype(int))
        return columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start

    def distance(self, positions: Tensor) -> Tensor:
        """Distances (...) in pixels from positions (..., 2) to the region's edge, negative inside."""
        within = clamp(positions, self.size)
        beyond = (positions - within).norm(dim=-1)
        near = look_up(self._distance, within)
        # the region ends at the picture's edge
        return torch.where(beyond > 0, near.clamp(min=0) + beyond, near)

    def grown(self, radius: float) -> Region:
        """The region with all that lies within ``radius`` rows and columns, as a chain of convolutions sees it."""
        pixels = math.ceil(radius)
        return Region(F.max_pool2d(self.inside[None, None].float(), 2 * pixels + 1, stride=1, padding=pixels))

    def reflect_out(self, positions: Tensor) -> Tensor:
        """Positions inside the region, mirrored at its edge into its surroundings; others stay."""
        return _mirror(positions, self.distance(positions) < 0, self.inside, self._nearest_outside)

    def reflect_in(self, positions: Tensor) -> Tensor:
        """Positions outside of the region, mirrored at its edge into it; others stay."""
        return _mirror(positions, self.distance(positions) > 0, ~self.inside, self._nearest_within)

    @cached_property
    def _nearest_outside(self) -> Tensor:
        if self.inside.all():
            raise InputError('the region is the whole picture: nothing is left around it')
        return _nearest(~self.inside)

    @cached_property
    def _nearest_within(self) -> Tensor:
        return _nearest(self.inside)

    def patches(self, picture: Tensor) -> list[tuple[int, int]]:
        """Where other parts of the picture cover the region best: one on each side of it, the best first.

        A part lies in the picture and does not overlap the region. The pixels around it differ least from those around
        the region: the least sum of squares, for all parts at once by convolution.

        Args:
            picture: (1, C, H, W) in [-1, 1].

        Returns:
            How far away they are, (right, down); an empty list if the region is too large for any.
        """
        inside = self.inside.numpy().astype(float)
        around = dilate(self.inside[None, None].float(), _RING)[0, 0].numpy().astype(float)
        ring = around - inside
        colors = picture[0].cpu().numpy().astype(float)
        # entry (H - 1 + down, W - 1 + right) of a correlation belongs to the part that far away
        within = _correlate(np.ones(self.size), around) > around.sum() - 0.5
        free = within & (_correlate(inside, inside) < 0.5)
        if not free.any():
            return []
        errors = _correlate((colors**2).sum(0), ring) + sum((c**2 * ring).sum() for c in colors)
        errors = (errors - 2 * sum(_correlate(c, c * ring) for c in colors)) / max(ring.sum(), 1)
        down, right = (np.arange(errors.shape[axis]) - (self.size[axis] - 1) for axis in (0, 1))
        costs = np.where(free, errors + _FARTHER * np.hypot(down[:, None], right), np.inf)
        found = {}
        for side in (right > 0, right < 0, (down > 0)[:, None], (down < 0)[:, None]):
            there = np.where(side, costs, np.inf)
            row, column = np.unravel_index(there.argmin(), there.shape)
            if np.isfinite(there[row, column]):
                found[int(right[column]), int(down[row])] = there[row, column]
        return sorted(found, key=found.get)


def _correlate(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return scipy.signal.correlate(one, other, method='fft')


def _nearest(inside: Tensor) -> Tensor:
    """The nearest pixel inside, (x, y), for every pixel of a mask, (H, W, 2)."""
    indices = scipy.ndimage.distance_transform_edt(~inside.numpy(), return_distances=False, return_indices=True)
    return torch.from_numpy(indices[::-1].copy()).movedim(0, -1).double()


def _mirror(positions: Tensor, astray: Tensor, wrong: Tensor, nearest: Tensor) -> Tensor:
    """Reflect ``astray`` positions about the nearest pixel that is not ``wrong``, until no position is astray."""
    size = tuple(wrong.shape)
    for _ in range(_REFLECTIONS):
        if not astray.any():
            return positions
        mirrored = reflect(2 * nearest_pixel(nearest, positions) - positions, size)
        positions = torch.where(astray[..., None], mirrored, positions)
        astray = astray & nearest_pixel(wrong, positions)
    return torch.where(astray[..., None], nearest_pixel(nearest, positions), positions)
