"""What encodings share that look a map up."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor
from torch.nn import functional as F

from mmpe.grid import Grid, as_grid

from .cartesian import CartesianGrid


class MapEncoding(CartesianGrid):
    """A map, looked up bilinearly at Cartesian coordinates, its outer cells at -1 and 1.

    At its own size it is the map, bit for bit; at another size it is resized (bilinear, corners aligned). Points
    beyond [-1, 1] see the border.
    """

    @property
    @abstractmethod
    def map(self) -> Tensor:
        """The map, of shape (1, C, h, w)."""

    def code(self, coordinates: Tensor) -> Tensor:
        """Look (..., 2) points up, as (C, ...)."""
        points = coordinates.reshape(1, 1, -1, 2)
        values = F.grid_sample(
            self.map.to(self._precision), points, mode='bilinear', padding_mode='border', align_corners=True
        )
        return values.reshape(self.out_channels, *coordinates.shape[:-1])

    def forward(self, grid: int | tuple[int, int] | Grid) -> Tensor:
        """Code a grid, to shape (1, C, H, W): all of the map is resized; raises ValueError if the size is not one."""
        grid = as_grid(grid)
        if not (grid.is_plain or torch.equal(self.coordinates(grid), self.coordinates(grid.size))):
            return super().forward(grid)
        # The same function, without the rounding of a way through [-1, 1] and back.
        wide = self.map.to(self._precision)
        return F.interpolate(wide, grid.size, mode='bilinear', align_corners=True).to(self._like.dtype)
