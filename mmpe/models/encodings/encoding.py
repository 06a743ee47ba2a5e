"""What all encodings share: sizes, precision, and the way from a size to a picture of positions."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.grid import Grid, Size, as_grid
from mmpe.numbers import as_size


class Encoding(nn.Module, ABC):
    """A rule that lays coordinates over a grid (:meth:`axis`), and a pointwise code of coordinates (:meth:`code`).

    Calling an encoding with a :class:`~mmpe.grid.Grid`, or with the size of a plain one, does both: the rule lays
    coordinates over the grid's frame, and the code is that of where the grid's cells look in it. So a grid that has
    been warped, or is a window of a larger one, is coded as it is. :meth:`coordinates` and :meth:`encode` do the two
    steps one by one.

    Results have the module's dtype and device: ``encoding.half()``, ``encoding.to('cuda')``. The arithmetic is float32
    at least, whatever the dtype.

    Attributes:
        out_channels: Channels of the code, C; a subclass sets it.

    >>> from mmpe.models.encodings import SinusoidalEncoding
    >>> encoding = SinusoidalEncoding(embedding_dim=4)
    >>> coordinates = encoding.coordinates((2, 3))
    >>> coordinates[0, :, 0].tolist()
    [1.0, 2.0, 3.0]
    >>> torch.equal(encoding.encode(coordinates)[None], encoding((2, 3)))
    True
    """

    out_channels: int

    def __init__(self):
        super().__init__()
        # Follows the module's dtype and device where there is no parameter to do so; not saved, so that an encoding
        # without parameters has an empty state dict.
        self.register_buffer('_like', torch.empty(0), persistent=False)

    @abstractmethod
    def axis(self, index: Tensor, count: int) -> Tensor:
        """Lay coordinates along one axis.

        Args:
            index: Numbers of cells, 0 .. ``count`` - 1, of any shape; also points between them and beyond. Each is laid
                by itself.
            count: Cells on the axis, at least 1.

        Returns:
            Their coordinates, of the same shape.
        """

    @abstractmethod
    def code(self, coordinates: Tensor) -> Tensor:
        """Code every point by itself.

        Args:
            coordinates: (x, y) of each point, of shape (..., 2), float32 or float64.

        Returns:
            The code, of shape (C, ...).
        """

    def coordinates(self, grid: int | tuple[int, int] | Grid) -> Tensor:
        """Lay coordinates over a grid.

        Args:
            grid: The grid, or the side or (height, width) of a plain one.

        Returns:
            (x, y) where each cell looks, of shape (H, W, 2): float64 in a float64 module, else float32, as half
            precision cannot tell far positions apart.

        Raises:
            ValueError: If the size is not one, see :func:`as_size`.
        """
        grid = as_grid(grid)
        if grid.axes is None:
            return self.locate(grid.positions, grid.frame)
        y, x = torch.meshgrid(*self._axes(grid), indexing='ij')
        return torch.stack((x, y), dim=-1)

    def products(self, grid: int | tuple[int, int] | Grid) -> tuple[Tensor, Tensor] | None:
        """Rows and columns whose products are the code of a grid.

        Args:
            grid: The grid, or the side or (height, width) of a plain one.

        Returns:
            (K, H) and (L, W): channel k L + l of :meth:`forward` is row k times column l. None if the code is not made
            like this, or the grid is warped.
        """
        return None

    def _axes(self, grid: Grid) -> list[Tensor]:
        """The y of each row and the x of each column of a grid that is not warped."""
        if grid.is_plain:  # nothing to copy to the device
            axes = [torch.arange(n, dtype=self._precision, device=self._like.device) for n in grid.size]
        else:
            axes = map(self._precise, grid.axes)
        return [self.axis(axis, length) for axis, length in zip(axes, grid.frame, strict=True)]

    def locate(self, positions: Tensor, frame: int | tuple[int, int]) -> Tensor:
        """Find the coordinates of positions in a frame: of its cells, of points between them, and of points beyond.

        Args:
            positions: (x, y) in cells of the frame, as :attr:`Grid.positions` has them, of shape (..., 2). Any real
                values.
            frame: The frame's side, or its (height, width).

        Returns:
            (x, y) of each, of shape (..., 2), as :meth:`coordinates` gives them.

        Raises:
            ValueError: If the frame's size is not one, see :func:`as_size`.
        """
        height, width = as_size(frame)
        x, y = self._precise(positions).unbind(-1)
        return torch.stack((self.axis(x, width), self.axis(y, height)), dim=-1)

    def encode(self, coordinates: Tensor) -> Tensor:
        """Code coordinates, each point by itself: the code of a window is the window of the code.

        Args:
            coordinates: (x, y) of each point, of shape (H, W, 2) or any other (..., 2). Any real values.

        Returns:
            The code, of shape (C, H, W), or (C, ...).

        Raises:
            ValueError: If the last dimension is not (x, y).
        """
        if coordinates.ndim == 0 or coordinates.shape[-1] != 2:
            raise ValueError(f'coordinates must have shape (..., 2), got {tuple(coordinates.shape)}')
        code = self.code(self._precise(coordinates))
        return code.to(self._like.dtype).contiguous()

    def forward(self, grid: int | tuple[int, int] | Grid) -> Tensor:
        """Code a grid.

        Args:
            grid: The grid, or the side or (height, width) of a plain one.

        Returns:
            The code of the grid's coordinates, of shape (1, C, H, W).

        Raises:
            ValueError: If the size is not one, see :func:`as_size`.
        """
        return self.encode(self.coordinates(grid))[None]

    @property
    def _precision(self) -> torch.dtype:
        return torch.promote_types(self._like.dtype, torch.float32)

    def _precise(self, values: Tensor) -> Tensor:
        return values.to(self._like.device, self._precision)


def encode(encoding: Encoding, size: Size, where: Tensor | Grid | None = None) -> Tensor:
    """Code a plain grid of a size, or other cells in its place.

    Args:
        encoding: The encoding.
        size: (height, width) of the grid.
        where: What is coded instead: another grid, or coordinates of shape (h, w, 2).

    Returns:
        The code, of shape (1, C, h, w).

    Raises:
        InputError: If the encoding cannot be used there.

    >>> from mmpe.models.encodings import CartesianGrid
    >>> encode(CartesianGrid(), (2, 3)).shape
    torch.Size([1, 2, 2, 3])
    """
    try:
        return encoding.encode(where)[None] if isinstance(where, Tensor) else encoding(size if where is None else where)
    except ValueError as error:
        raise InputError(f'the encoding {type(encoding).__name__} cannot be used here: {error}') from error
