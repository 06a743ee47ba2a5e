"""Inverse maps: for every position in a new picture, the place in the trained one that is to be seen there.

Positions and places are in pixels, as :class:`~mmpe.grid.Grid` has them. A map is a function of positions, so that the
grid of every scale can be warped by it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpe.grid import Grid, Size


def identity(positions: Tensor) -> Tensor:
    """Every place where it is."""
    return positions


def pixel_positions(size: Size) -> Tensor:
    """The centers of a picture's pixels, (H, W, 2)."""
    return Grid(size).positions


def reflect(places: Tensor, size: Size) -> Tensor:
    """Mirror places beyond a picture of ``size`` (H, W) back into it, its outer pixels being the mirrors."""
    ends = places.new_tensor([size[1] - 1, size[0] - 1])
    period = (2 * ends).clamp(min=1)
    wrapped = places.remainder(period)
    folded = torch.where(wrapped > ends, period - wrapped, wrapped).clamp(min=torch.zeros_like(ends), max=ends)
    return torch.where((places >= 0) & (places <= ends), places, folded)


def clamp(places: Tensor, size: Size) -> Tensor:
    """Take the nearest place of a picture of ``size`` (H, W)."""
    ends = places.new_tensor([size[1] - 1, size[0] - 1])
    return torch.minimum(places.clamp(min=0), ends)


def look_up(field: Tensor, positions: Tensor) -> Tensor:
    """Values of a field (H, W) at positions (..., 2), between pixels bilinear, beyond the field those of its border."""
    values = F.grid_sample(
        field.to(positions)[None, None],
        normalised(positions, tuple(field.shape)).reshape(1, 1, -1, 2),
        mode='bilinear',
        padding_mode='border',
        align_corners=True,
    )
    return values.reshape(positions.shape[:-1])


def nearest_pixel(field: Tensor, positions: Tensor) -> Tensor:
    """Values of a field (H, W, ...) at the pixels nearest to positions (..., 2)."""
    x, y = clamp(positions, tuple(field.shape[:2])).round().long().unbind(-1)
    return field[y, x]


def sample_image(image: Tensor, cells: Tensor) -> Tensor:
    """An image (1, C, h, w) as it is seen at (column, row) ``cells`` (H, W, 2), bicubic, beyond its edge mirrored.

    Cells that are its own give the image itself.
    """
    size = tuple(image.shape[-2:])
    if tuple(cells.shape[:2]) == size and torch.equal(cells, pixel_positions(size)):
        return image
    grid = normalised(reflect(cells, size), size)[None].to(image.device)
    seen = F.grid_sample(image.double(), grid, mode='bicubic', padding_mode='reflection', align_corners=True)
    return seen.to(image.dtype)


def normalised(positions: Tensor, size: Size) -> Tensor:
    """Positions as ``F.grid_sample`` takes them: -1 and 1 at the centers of the outer pixels."""
    return 2 * positions / positions.new_tensor([max(size[1] - 1, 1), max(size[0] - 1, 1)]) - 1
