"""Maps of places: for every position in a new picture, the place in the trained one that is to be seen there.

Positions and places are (x, y) in pixels, (..., 2) in float64; the centre of the first pixel is (0, 0), and whole
numbers are centres. A map is a function of positions, so it can be asked at the cells of every scale.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Size = tuple[int, int]
Places = Callable[[Tensor], Tensor]

_STEPS_OF_A_CELL = 2**20


def identity(positions: Tensor) -> Tensor:
    """Every place where it is."""
    return positions


def pixel_positions(size: Size) -> Tensor:
    """The centres of a picture's pixels, (H, W, 2)."""
    return cell_positions(size, size)


def cell_positions(size: Size, picture: Size, margin: int = 0) -> Tensor:
    """Where the cells of a map lie in a picture, the outer ones on the outer pixels.

    Args:
        size (tuple[int, int]): (h, w) of the map without its margin.
        picture (tuple[int, int]): (H, W) of the picture.
        margin (int): Further cells on each side of the map.

    Returns:
        Tensor: (h + 2 margin, w + 2 margin, 2).
    """
    axes = (
        torch.arange(-margin, cells + margin, dtype=torch.float64) * ((pixels - 1) / max(cells - 1, 1))
        for cells, pixels in zip(size, picture)
    )
    return grid(*axes)


def grid(rows: Tensor, columns: Tensor) -> Tensor:
    """(x, y) of every row (h,) and column (w,), (h, w, 2)."""
    y, x = torch.meshgrid(rows, columns, indexing='ij')
    return torch.stack((x, y), -1)


def to_cells(places: Tensor, size: Size, picture: Size, margin: int = 0) -> Tensor:
    """The (column, row) of places in a map, as :func:`cell_positions` lays it, and with fractions.

    Rounded to a millionth of a cell, so that a cell's own position gives its own number to the bit.
    """
    height, width = ((cells - 1) / max(pixels - 1, 1) for cells, pixels in zip(size, picture))
    cells = places * places.new_tensor([width, height]) + margin
    return (cells * _STEPS_OF_A_CELL).round() / _STEPS_OF_A_CELL


def fold(places: Tensor, size: Size) -> Tensor:
    """Mirror places beyond a picture of ``size`` (H, W) back into it, its outer pixels being the mirrors."""
    ends = places.new_tensor([size[1] - 1, size[0] - 1])
    period = (2 * ends).clamp(min=1)
    wrapped = places.remainder(period)
    folded = torch.where(wrapped > ends, period - wrapped, wrapped).clamp(min=torch.zeros_like(ends), max=ends)
    return torch.where((places >= 0) & (places <= ends), places, folded)


def hold(places: Tensor, size: Size) -> Tensor:
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
    x, y = hold(positions, tuple(field.shape[:2])).round().long().unbind(-1)
    return field[y, x]


def see(image: Tensor, cells: Tensor) -> Tensor:
    """An image (1, C, h, w) as it is seen at (column, row) ``cells`` (H, W, 2), bicubic, beyond its edge mirrored.

    Cells that are its own give the image itself.
    """
    size = tuple(image.shape[-2:])
    if tuple(cells.shape[:2]) == size and torch.equal(cells, pixel_positions(size)):
        return image
    grid = normalised(fold(cells, size), size)[None].to(image.device)
    seen = F.grid_sample(image.double(), grid, mode='bicubic', padding_mode='reflection', align_corners=True)
    return seen.to(image.dtype)


def normalised(positions: Tensor, size: Size) -> Tensor:
    """Positions as ``F.grid_sample`` takes them: -1 and 1 at the centres of the outer pixels."""
    return 2 * positions / positions.new_tensor([max(size[1] - 1, 1), max(size[0] - 1, 1)]) - 1
