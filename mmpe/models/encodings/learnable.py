"""The learned constant."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmpe.registry import MODELS

from .cartesian import CartesianGrid
from .encoding import as_size


@MODELS.register_module()
class LearnableGrid(CartesianGrid):
    """A learned map, looked up bilinearly at Cartesian coordinates, its outer cells at -1 and 1.

    At its own size it is the parameter, bit for bit; at another size it is resized (bilinear, corners aligned). Points
    beyond [-1, 1] see the border. The learned constant of StyleGAN2, with the resizing of Xu et al., "Positional
    Encoding as Spatial Inductive Bias in GANs", CVPR 2021.

    Args:
        channels: Channels of the map.
        size: The map's side, or its (height, width).

    Attributes:
        constant: The parameter, of shape (1, C, h, w), drawn from N(0, 1).

    Raises:
        ValueError: If ``channels`` is not positive, or the size is none.
    """

    def __init__(self, channels: int, size: int | tuple[int, int] = 4):
        if channels < 1:
            raise ValueError(f'channels must be positive, got {channels!r}')
        super().__init__()
        self.out_channels = channels
        self.constant = nn.Parameter(torch.randn(1, channels, *as_size(size)))

    def code(self, coordinates: Tensor) -> Tensor:
        """Look (..., 2) points up, as (C, ...)."""
        points = coordinates.reshape(1, 1, -1, 2)
        values = F.grid_sample(
            self.constant.to(self._precision), points, mode='bilinear', padding_mode='border', align_corners=True
        )
        return values.reshape(self.out_channels, *coordinates.shape[:-1])

    def forward(self, size: int | tuple[int, int]) -> Tensor:
        """Resize the map, to shape (1, C, H, W); raises ValueError if the size is none."""
        # The same function as code(coordinates(size)), without the rounding of a way through [-1, 1] and back.
        constant = self.constant.to(self._precision)
        return F.interpolate(constant, as_size(size), mode='bilinear', align_corners=True).to(self.constant.dtype)
