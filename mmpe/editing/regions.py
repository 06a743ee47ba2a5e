"""A part of a picture: how far away it is, and what its surroundings would look like without it."""

from __future__ import annotations

import math
from functools import cached_property, partial

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt, find_objects
from scipy.signal import correlate
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Box, Size

from .masks import box_mask, dilate
from .places import clamp, look_up, nearest_pixel, reflect

_REFLECTIONS = 4
_RING = 3  # pixels around a region that what covers it has to match
_FARTHER = 1e-3  # what a pixel of distance costs, in squared differences of colours in [-1, 1]
_correlate = partial(correlate, method='fft')


class Region:
    """A part of a picture.

    Args:
        mask (Tensor): (1, 1, H, W), at least 0.5 in the region.

    Raises:
        InputError: If it is empty.
    """

    def __init__(self, mask: Tensor):
        inside = mask[0, 0].cpu().numpy() >= 0.5
        if not inside.any():
            raise InputError('the region is empty')
        self.size = tuple(inside.shape)
        self.inside = torch.from_numpy(inside)
        # a pixel reaches half a pixel from its centre
        outwards, inwards = distance_transform_edt(~inside), distance_transform_edt(inside)
        self._distance = torch.from_numpy((outwards - 0.5).clip(0) - (inwards - 0.5).clip(0))

    @classmethod
    def of(cls, region: Box | Tensor, size: Size) -> Region:
        """The region of a box (left, top, width, height) or of a mask, in a picture of ``size`` (H, W).

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
    def box(self) -> tuple[int, int, int, int]:
        """tuple[int, int, int, int]: The smallest box around it, (left, top, width, height)."""
        ((rows, columns),) = find_objects(self.inside.numpy().astype(int))
        return columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start

    def distance(self, positions: Tensor) -> Tensor:
        """Distance in pixels from positions (..., 2) to the region's edge, negative inside; (...)."""
        within = clamp(positions, self.size)
        beyond = (positions - within).norm(dim=-1)
        near = look_up(self._distance, within)
        # none of the region lies beyond the picture, not even where it touches the picture's edge
        return torch.where(beyond > 0, near.clamp(min=0) + beyond, near)

    def grown(self, radius: float) -> Region:
        """The region with all that lies within ``radius`` rows and columns, as a chain of convolutions sees it."""
        reach = math.ceil(radius)
        return Region(F.max_pool2d(self.inside[None, None].float(), 2 * reach + 1, stride=1, padding=reach))

    def leave(self, positions: Tensor) -> Tensor:
        """Positions inside the region mirrored at its edge into its surroundings; others stay."""
        return _mirror(positions, self.distance(positions) < 0, self.inside, self._nearest_outside)

    def enter(self, positions: Tensor) -> Tensor:
        """Positions outside of the region mirrored at its edge into it; others stay."""
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
        """From where other parts of the picture cover the region best: one on each side of it, the best first.

        A part lies in the picture and not over the region, and what is around it differs least from what is around
        the region (the least sum of squares, for all parts at once by convolution).

        Args:
            picture (Tensor): (1, C, H, W) in [-1, 1].

        Returns:
            list[tuple[int, int]]: How far they are, (right, down); none if the region is too large for any.
        """
        inside = self.inside.numpy().astype(float)
        around = dilate(self.inside[None, None].float(), _RING)[0, 0].numpy().astype(float)
        ring = around - inside
        colours = picture[0].cpu().numpy().astype(float)
        # entry (H - 1 + down, W - 1 + right) of a correlation is for the part that far away
        within = _correlate(np.ones(self.size), around) > around.sum() - 0.5
        free = within & (_correlate(inside, inside) < 0.5)
        if not free.any():
            return []
        errors = _correlate((colours**2).sum(0), ring) + sum((c**2 * ring).sum() for c in colours)
        errors = (errors - 2 * sum(_correlate(c, c * ring) for c in colours)) / max(ring.sum(), 1)
        down, right = (np.arange(errors.shape[axis]) - (self.size[axis] - 1) for axis in (0, 1))
        costs = np.where(free, errors + _FARTHER * np.hypot(down[:, None], right), np.inf)
        found = {}
        for side in (right > 0, right < 0, (down > 0)[:, None], (down < 0)[:, None]):
            there = np.where(side, costs, np.inf)
            row, column = np.unravel_index(there.argmin(), there.shape)
            if np.isfinite(there[row, column]):
                found[int(right[column]), int(down[row])] = there[row, column]
        return sorted(found, key=found.get)


def _nearest(inside: Tensor) -> Tensor:
    """The nearest pixel inside, (x, y), for every pixel of a mask, (H, W, 2)."""
    indices = distance_transform_edt(~inside.numpy(), return_distances=False, return_indices=True)
    return torch.from_numpy(indices[::-1].copy()).movedim(0, -1).double()


def _mirror(positions, astray, wrong, nearest) -> Tensor:
    """Reflect ``astray`` positions about the nearest pixel that is not ``wrong``, until none are."""
    size = tuple(wrong.shape)
    places = positions
    for _ in range(_REFLECTIONS):
        if not astray.any():
            return places
        mirrored = reflect(2 * nearest_pixel(nearest, places) - places, size)
        places = torch.where(astray[..., None], mirrored, places)
        astray = astray & nearest_pixel(wrong, places)
    return torch.where(astray[..., None], nearest_pixel(nearest, places), places)
