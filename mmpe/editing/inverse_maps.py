"""Inverse maps: for every position in a new picture, the position in the trained one that is seen there.

A map is a function of positions, so that the grid of every level of a pyramid can be warped by it.

Convention:
    Positions are (x, y) in pixels, sizes are (height, width), and pixel centers are at whole numbers, as in
    :class:`~mmpe.grid.Grid`. Positions are (..., 2) in float64, and so is what a map returns.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Box, Grid, InverseMap, Size
from mmpe.numbers import check_numbers, check_real


def identity(positions: Tensor) -> Tensor:
    """Every position where it is."""
    return positions


def shift(by: tuple[float, float]) -> InverseMap:
    """Where a position comes from if everything has been moved ``by`` (right, down).

    >>> shift((2, 0))(torch.tensor([5.0, 1.0])).tolist()
    [3.0, 1.0]
    """
    check_numbers(check_real, 2, by=by)
    return lambda positions: positions - positions.new_tensor(by)


def zoom(box: Box, factor: float, anchor: str = 'center') -> InverseMap:
    """Where a position comes from if everything has been enlarged about a point of a box.

    Args:
        box: (left, top, width, height) in pixels.
        factor: Above 0; 2 is twice as high and wide.
        anchor: What stays in place: 'center', or the middle of the 'top' or 'bottom' edge.

    Raises:
        InputError: If there is no such anchor.

    >>> zoom((0, 0, 5, 5), 2)(torch.tensor([4.0, 0.0])).tolist()
    [3.0, 1.0]
    """
    left, top, width, height = box
    heights = dict(top=0, center=(height - 1) / 2, bottom=height - 1)
    if anchor not in heights:
        raise InputError(f'there is no anchor {anchor!r}: it is one of {", ".join(heights)}')
    fixed = left + (width - 1) / 2, top + heights[anchor]
    return lambda positions: (positions - positions.new_tensor(fixed)) / factor + positions.new_tensor(fixed)


def flip(box: Box, axis: str) -> InverseMap:
    """Where a position comes from if everything has been mirrored about the middle of a box.

    Args:
        box: (left, top, width, height) in pixels.
        axis: 'x' swaps left and right, 'y' top and bottom.

    Raises:
        InputError: If the axis is not x or y.

    >>> flip((0, 0, 5, 5), 'x')(torch.tensor([4.0, 1.0])).tolist()
    [0.0, 1.0]
    """
    if axis not in ('x', 'y'):
        raise InputError(f'a region is mirrored along x or y, not {axis!r}')
    left, top, width, height = box
    signs = (-1, 1) if axis == 'x' else (1, -1)
    offsets = (2 * left + width - 1, 0) if axis == 'x' else (0, 2 * top + height - 1)
    return lambda positions: positions * positions.new_tensor(signs) + positions.new_tensor(offsets)


def pixel_positions(size: Size) -> Tensor:
    """The centers of a picture's pixels, (H, W, 2)."""
    return Grid(size).positions


def reflect(positions: Tensor, size: Size) -> Tensor:
    """Mirror positions beyond a picture back into it; its outer pixels are the mirrors.

    >>> reflect(torch.tensor([-1.0, 6.0]), size=(6, 4)).tolist()
    [1.0, 4.0]
    """
    ends = _last_pixel(positions, size)
    period = (2 * ends).clamp(min=1)
    wrapped = positions.remainder(period)
    folded = torch.where(wrapped > ends, period - wrapped, wrapped).clamp(min=torch.zeros_like(ends), max=ends)
    return torch.where((positions >= 0) & (positions <= ends), positions, folded)


def clamp(positions: Tensor, size: Size) -> Tensor:
    """The nearest positions of a picture.

    >>> clamp(torch.tensor([-1.0, 6.0]), size=(6, 4)).tolist()
    [0.0, 5.0]
    """
    return torch.minimum(positions.clamp(min=0), _last_pixel(positions, size))


def look_up(field: Tensor, positions: Tensor) -> Tensor:
    """Values of a field (H, W) at positions, bilinear between pixels; beyond the field, those of its border."""
    values = F.grid_sample(
        field.to(positions)[None, None],
        normalized(positions, tuple(field.shape)).reshape(1, 1, -1, 2),
        mode='bilinear',
        padding_mode='border',
        align_corners=True,
    )
    return values.reshape(positions.shape[:-1])


def nearest_pixel(field: Tensor, positions: Tensor) -> Tensor:
    """Values of a field (H, W, ...) at the pixels nearest to positions."""
    x, y = clamp(positions, tuple(field.shape[:2])).round().long().unbind(-1)
    return field[y, x]


def sample_image(image: Tensor, positions: Tensor) -> Tensor:
    """An image (1, C, h, w) as it is seen at positions (H, W, 2): bicubic, and mirrored beyond its edge.

    At the centers of its own pixels it is the image itself, to the bit.

    >>> image = torch.rand(1, 3, 4, 6)
    >>> sample_image(image, Grid((4, 6)).resized((4, 12)).positions).shape
    torch.Size([1, 3, 4, 12])
    """
    size = tuple(image.shape[-2:])
    if tuple(positions.shape[:2]) == size and torch.equal(positions, pixel_positions(size)):
        return image
    grid = normalized(reflect(positions, size), size)[None].to(image.device)
    seen = F.grid_sample(image.double(), grid, mode='bicubic', padding_mode='reflection', align_corners=True)
    return seen.to(image.dtype)


def normalized(positions: Tensor, size: Size) -> Tensor:
    """Positions as ``F.grid_sample`` takes them: -1 and 1 at the centers of the outer pixels."""
    return 2 * positions / positions.new_tensor([max(size[1] - 1, 1), max(size[0] - 1, 1)]) - 1


def _last_pixel(positions: Tensor, size: Size) -> Tensor:
    return positions.new_tensor([size[1] - 1, size[0] - 1])
