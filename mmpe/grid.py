"""*Where*: the cells of a map, and the place that each of them looks at."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from .errors import InputError
from .numbers import as_size, check_numbers, check_real, check_whole, is_whole, shown, size_text

Size = tuple[int, int]
"""(height, width)."""

Box = tuple[int, int, int, int]
"""(left, top, width, height)."""

InverseMap = Callable[[Tensor], Tensor]
"""From positions (..., 2) in a new picture to the places that are seen there, in float64 (scikit-image's term)."""

ANCHORS = ('center', 'topleft')

_STEPS_OF_A_CELL = 2**20


class Grid:
    """A map's cells, each of which looks at a position in a *frame*.

    ``Grid(size)`` is its own frame: each of its cells looks at itself. A grid is immutable, and its methods return new
    grids. An encoding codes a grid, and a generator draws an image for it. A size is accepted wherever a grid is.

    A grid holds one row and one column of positions, and the functions that warp them. All positions are only computed
    by :attr:`positions`, so a window of a large grid costs no more than a small grid.

    Convention, here and everywhere in mmpe:
        Points, positions and distances are (x, y): right, then down. Sizes are (height, width), and so are pairs of
        flags and margins. A box is (left, top, width, height). Pixel centers are at whole numbers, and the first pixel
        is at (0, 0).

    Args:
        size: The side of a square, or (height, width).

    Raises:
        InputError: If the size is not a positive whole number, or a pair of them.

    >>> Grid((2, 3)).positions[1].tolist()
    [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]
    >>> Grid((2, 3)).resized((2, 5)).positions[0, :, 0].tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0]
    """

    def __init__(self, size: int | Size):
        self._frame = as_size(size)
        self._axes: tuple[Tensor, Tensor] | None = None  # those of the frame, which are made where they are needed
        self._maps: tuple[InverseMap, ...] = ()

    @property
    def size(self) -> Size:
        """(height, width) in cells."""
        return self._frame if self._axes is None else tuple(map(len, self._axes))

    @property
    def frame(self) -> Size:
        """(height, width) of the frame, in whose cells positions are measured."""
        return self._frame

    @property
    def positions(self) -> Tensor:
        """The position (x, y) that each cell looks at, (H, W, 2) in float64. Every call returns a new tensor.

        Raises:
            InputError: If an inverse map returns another shape.
        """
        y, x = torch.meshgrid(*self._own_axes, indexing='ij')
        positions = torch.stack((x, y), -1)
        for inverse_map in self._maps:
            shape, positions = tuple(positions.shape), inverse_map(positions)
            if tuple(positions.shape) != shape:
                raise InputError(
                    f'an inverse map has turned positions of shape {shape} into shape {tuple(positions.shape)}: '
                    'it must keep the shape'
                )
        return positions

    @property
    def axes(self) -> tuple[Tensor, Tensor] | None:
        """Positions (y of each row, x of each column), in float64; None if a map warps them."""
        return None if self._maps else tuple(axis.clone() for axis in self._own_axes)

    @property
    def is_plain(self) -> bool:
        """Whether it equals ``Grid(size)`` of its own size. A warped grid never does."""
        return not self._maps and (self._axes is None or self == Grid(self.size))

    def resized(self, size: int | Size) -> Grid:
        """The same space at another density: outer cells stay, and inner cells are evenly spaced. A picture stretches.

        >>> Grid(3).resized(5).positions[0, :, 0].tolist()
        [0.0, 0.5, 1.0, 1.5, 2.0]
        """
        return self._at(
            _cells(0, cells) * ((length - 1) / max(cells - 1, 1)) for cells, length in zip(as_size(size), self.size)
        )

    def extended(self, size: int | Size, anchor: str = 'center') -> Grid:
        """More space, or less, at the same density: cells are added or removed at the ends. The frame stays.

        Args:
            size: The new size.
            anchor: Where the old cells are in the new grid: at the 'center' or at the 'topleft'. If the number of new
                cells is odd, the larger half of them is at the right or bottom.

        Raises:
            InputError: If the size is not valid, or there is no such anchor.

        >>> Grid(3).extended(5).positions[0, :, 0].tolist()
        [-1.0, 0.0, 1.0, 2.0, 3.0]
        >>> Grid(3).extended(5, anchor='topleft').positions[0, :, 0].tolist()
        [0.0, 1.0, 2.0, 3.0, 4.0]
        """
        if anchor not in ANCHORS:
            raise InputError(f'there is no anchor {anchor!r}: it is one of {", ".join(ANCHORS)}')
        size = as_size(size)
        before = [(new - old) // 2 if anchor == 'center' else 0 for new, old in zip(size, self.size)]
        return self._at(_cells(-b, n - b) for b, n in zip(before, size))

    def padded(self, margin: int | Size) -> Grid:
        """Add a margin of cells to the grid and to its frame, for convolutions without padding, which remove it again.

        Args:
            margin: Cells on each side, at least 0; or a pair (above and below, left and right).

        Raises:
            InputError: If the margin is not valid.

        >>> Grid((4, 6)).padded(1) == Grid((6, 8))
        True
        """
        margins = (margin, margin) if is_whole(margin) else margin
        check_numbers(partial(check_whole, 0), 2, margin=margins)
        rows, columns = (int(cells) for cells in margins)
        (height, width), (frame_height, frame_width) = self.size, self.frame
        grown = self.extended((height + 2 * rows, width + 2 * columns)).shifted((-columns, -rows))
        return grown._with(frame=(frame_height + 2 * rows, frame_width + 2 * columns))

    def window(self, box: Box) -> Grid:
        """Some of the cells, at unchanged positions: a tile of a large canvas.

        Args:
            box: (left, top, width, height) in cells, within the grid.

        Raises:
            InputError: If the box is not valid, or does not lie in the grid.

        >>> Grid((4096, 4096)).window((1024, 0, 2, 1)).positions.tolist()
        [[[1024.0, 0.0], [1025.0, 0.0]]]
        """
        check_numbers(partial(check_whole, 0), 4, box=box)
        left, top, width, height = box
        if not (width and height and left + width <= self.size[1] and top + height <= self.size[0]):
            raise InputError(
                f'box={shown(box)} does not lie in a grid of {size_text(self.size)} cells: '
                'it is (left, top, width, height), at least one cell'
            )
        rows, columns = self._own_axes
        return self._with(axes=(rows[top : top + height], columns[left : left + width]))

    def shifted(self, by: tuple[float, float]) -> Grid:
        """Move the contents ``by`` (right, down) cells of the frame: every cell looks that far to the left and up.

        >>> Grid(3).shifted((1, 0)).positions[0, :, 0].tolist()
        [-1.0, 0.0, 1.0]
        """
        check_numbers(check_real, 2, by=by)
        right, down = by
        return self._on_axes(lambda y: y - down, lambda x: x - right)

    def warped(self, inverse_map: InverseMap, frame: int | Size | None = None) -> Grid:
        """Apply a map to all positions: every cell looks at the mapped position.

        Args:
            inverse_map: Maps positions (..., 2), float64, to positions of the same shape, each position on its own.
            frame: The frame of the mapped positions. None: the same frame.

        >>> Grid((2, 3)).warped(lambda positions: positions.flip(-1)).positions[1].tolist()
        [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]
        """
        return self._with(
            maps=(*self._maps, inverse_map), frame=self.frame if frame is None else as_size(frame, 'frame')
        )

    def wrapped(self, rows: bool = True, columns: bool = True) -> Grid:
        """Make the grid periodic: as many cells go through the space and back again, so that it repeats without a seam.

        The direction changes between two cells, at both ends. A wrapped axis cannot be extended, so extend it before.

        Args:
            rows: Whether the bottom continues at the top.
            columns: Whether the right side continues on the left.

        >>> Grid((1, 4)).wrapped().positions[0, :, 0].tolist()
        [0.75, 2.25, 2.25, 0.75]
        """
        return self._at(
            _there_and_back(length) if wraps else _cells(0, length) for length, wraps in zip(self.size, (rows, columns))
        )

    def reframed(self, size: int | Size, margin: int = 0) -> Grid:
        """The same places in the cells of another frame, which covers the same space at another density.

        Positions are rounded to a millionth of a cell, so that those of the new frame's cells are whole numbers.

        Args:
            size: The cells that cover the old frame. Outer cells cover outer cells.
            margin: Further cells of the new frame on each side.

        >>> Grid((5, 9)).reframed((3, 5)).positions[-1, -1].tolist()
        [4.0, 2.0]
        """
        check_whole(0, margin=margin)
        height, width = as_size(size)
        onto = (
            partial(_onto, factor=(cells - 1) / max(length - 1, 1), margin=margin)
            for cells, length in zip((height, width), self.frame)
        )
        return self._on_axes(*onto)._with(frame=(height + 2 * margin, width + 2 * margin))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Grid):
            return NotImplemented
        if (self.size, self.frame) != (other.size, other.frame):
            return False
        same_axes = all(map(torch.equal, self._own_axes, other._own_axes))
        if same_axes and self._maps == other._maps:
            return True
        return bool(self._maps or other._maps) and torch.equal(self.positions, other.positions)

    def __hash__(self) -> int:
        return hash((self.size, self.frame))

    def __repr__(self) -> str:
        kind = 'plain' if self.is_plain else 'warped' if self._maps else 'separable'
        return f'Grid({size_text(self.size)}, frame={size_text(self.frame)}, {kind})'

    @property
    def _own_axes(self) -> tuple[Tensor, Tensor]:
        """Positions (y of each row, x of each column) before any map."""
        if self._axes is not None:
            return self._axes
        height, width = self._frame
        return _cells(0, height), _cells(0, width)

    def _with(self, axes: tuple[Tensor, Tensor] | None = None, **changes) -> Grid:
        grid = copy.copy(self)
        changes['axes'] = axes or self._own_axes
        grid.__dict__.update({f'_{name}': value for name, value in changes.items()})
        return grid

    def _at(self, numbers) -> Grid:
        """With cells at (rows, columns), numbers of this grid's own, with fractions and beyond its ends."""
        return self._with(axes=tuple(_interpolate(axis, at) for axis, at in zip(self._own_axes, numbers)))

    def _on_axes(self, of_y: InverseMap, of_x: InverseMap) -> Grid:
        """Positions changed axis by axis."""
        if not self._maps:
            rows, columns = self._own_axes
            return self._with(axes=(of_y(rows), of_x(columns)))
        return self.warped(lambda positions: torch.stack((of_x(positions[..., 0]), of_y(positions[..., 1])), -1))


def as_grid(where: int | Size | Grid) -> Grid:
    """A grid as it is, and a size as the grid of that size.

    >>> as_grid((4, 6)).size
    (4, 6)
    """
    return where if isinstance(where, Grid) else Grid(where)


def _cells(first: int, end: int) -> Tensor:
    # on the CPU whatever the default device: a grid may outlive it
    return torch.arange(first, end, dtype=torch.float64, device='cpu')


def _interpolate(axis: Tensor, at: Tensor) -> Tensor:
    """An axis between its cells, and evenly on beyond them; a cell alone is as wide as one of the frame."""
    steps = axis.diff() if len(axis) > 1 else axis.new_ones(1)
    steps = torch.cat((steps, steps[-1:]))
    before = at.floor().clamp(0, len(axis) - 1)
    index = before.long()
    return axis[index] + (at - before) * steps[index]


def _there_and_back(length: int) -> Tensor:
    phase = (_cells(0, length) + 0.5) / length
    return (length - 1) * (1 - (2 * phase - 1).abs())


def _onto(positions: Tensor, factor: float, margin: int) -> Tensor:
    return ((positions * factor + margin) * _STEPS_OF_A_CELL).round() / _STEPS_OF_A_CELL


def nearest_in_aspect(sizes: Sequence[Size], size: Size) -> list[int]:
    """Which of some sizes (H, W) have the aspect ratio that is nearest to that of a size, by its logarithm.

    >>> nearest_in_aspect([(4, 4), (6, 6), (4, 8)], (300, 500))
    [2]
    """
    distances = [abs(math.log(height * size[1] / (width * size[0]))) for height, width in sizes]
    return [i for i, distance in enumerate(distances) if distance < min(distances) + 1e-9]
