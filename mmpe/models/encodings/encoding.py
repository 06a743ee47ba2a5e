"""What all encodings share: sizes, precision, and the way from a size to a picture of positions."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from mmpe.numbers import as_size


class Encoding(nn.Module, ABC):
    """A rule that lays coordinates over a grid (:meth:`axis`), and a pointwise code of coordinates (:meth:`code`).

    Calling an encoding with a size does both. Doing them one by one, with :meth:`coordinates` and :meth:`encode`,
    leaves room for whatever can be done to coordinates in between: warp them, or take a window of a larger canvas.

    Results have the module's dtype and device: ``encoding.half()``, ``encoding.to('cuda')``. The arithmetic is float32
    at least, whatever the dtype.

    Attributes:
        out_channels: Channels of the code, C; a subclass sets it.
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
            index: Numbers of cells, 0 .. ``count`` - 1, of any shape; also points between them and beyond.
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

    def coordinates(self, size: int | tuple[int, int]) -> Tensor:
        """Lay coordinates over a grid.

        Args:
            size: The grid's side, or its (height, width).

        Returns:
            (x, y) of each cell, of shape (H, W, 2): float64 in a float64 module, else float32, as half precision cannot
            tell far positions apart.

        Raises:
            ValueError: If the size is none, see :func:`as_size`.
        """
        return self.locate(self.cells(size), size)

    def cells(self, size: int | tuple[int, int]) -> Tensor:
        """Number the cells of a grid.

        Args:
            size: The grid's side, or its (height, width).

        Returns:
            (column, row) of each cell from (0, 0), of shape (H, W, 2).

        Raises:
            ValueError: If the size is none, see :func:`as_size`.
        """
        height, width = as_size(size)
        y, x = torch.meshgrid(self._count(height), self._count(width), indexing='ij')
        return torch.stack((x, y), dim=-1)

    def locate(self, cells: Tensor, size: int | tuple[int, int]) -> Tensor:
        """Find the coordinates of a grid's cells, of points between them, and of points beyond.

        Args:
            cells: (column, row), as :meth:`cells` numbers them, of shape (..., 2). Any real values.
            size: The grid's side, or its (height, width).

        Returns:
            (x, y) of each, of shape (..., 2), as :meth:`coordinates` gives them.

        Raises:
            ValueError: If the size is none, see :func:`as_size`.
        """
        height, width = as_size(size)
        x, y = cells.to(self._like.device, self._precision).unbind(-1)
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
        code = self.code(coordinates.to(self._like.device, self._precision))
        return code.to(self._like.dtype).contiguous()

    def forward(self, size: int | tuple[int, int]) -> Tensor:
        """Code a grid.

        Args:
            size: The grid's side, or its (height, width).

        Returns:
            The code of the grid's coordinates, of shape (1, C, H, W).

        Raises:
            ValueError: If the size is none, see :func:`as_size`.
        """
        return self.encode(self.coordinates(size))[None]

    @property
    def _precision(self) -> torch.dtype:
        return torch.promote_types(self._like.dtype, torch.float32)

    def _count(self, length: int) -> Tensor:
        return torch.arange(length, dtype=self._precision, device=self._like.device)
