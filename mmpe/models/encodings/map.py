"""What encodings share that look a map up."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor
from torch.nn import functional as F

from mmpe.numbers import as_size

from .cartesian import CartesianGrid


class MapEncoding(CartesianGrid):
    """A map, looked up bilinearly at Cartesian coordinates, its outer cells at -1 and 1.

    At its own size it is the map, bit for bit; at another size it is resized (bilinear, corners aligned). Points
    beyond [-1, 1] see the border.
    """

    @property
    @abstractmethod
    def map(self) -> Tensor:
        """Tensor: The map, of shape (1, C, h, w)."""

    def code(self, coordinates: Tensor) -> Tensor:
        """Look (..., 2) points up, as (C, ...)."""
        points = coordinates.reshape(1, 1, -1, 2)
        values = F.grid_sample(
            self.map.to(self._precision), points, mode='bilinear', padding_mode='border', align_corners=True
        )
        return values.reshape(self.out_channels, *coordinates.shape[:-1])

    def forward(self, size: int | tuple[int, int]) -> Tensor:
        """Resize the map, to shape (1, C, H, W); raises ValueError if the size is none."""
        # The same function as code(coordinates(size)), without the rounding of a way through [-1, 1] and back.
        wide = self.map.to(self._precision)
        return F.interpolate(wide, as_size(size), mode='bilinear', align_corners=True).to(self._like.dtype)
