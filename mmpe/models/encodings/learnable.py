"""The learned constant."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmpe.numbers import as_size, check_whole
from mmpe.registry import MODELS

from .map import MapEncoding


@MODELS.register_module()
class LearnableGrid(MapEncoding):
    """A learned map: the learned constant of StyleGAN2, at other sizes resized bilinearly, corners aligned.

    From Xu et al., "Positional Encoding as Spatial Inductive Bias in GANs", CVPR 2021.

    Args:
        channels: Channels of the map.
        size: The map's side, or its (height, width).

    Attributes:
        constant: The parameter, of shape (1, C, h, w), drawn from N(0, 1).

    Raises:
        ValueError: If ``channels`` is not positive, or the size is not valid.

    >>> LearnableGrid(channels=8, size=4)((5, 7)).shape
    torch.Size([1, 8, 5, 7])
    """

    def __init__(self, channels: int, size: int | tuple[int, int] = 4):
        check_whole(1, channels=channels)
        super().__init__()
        self.out_channels = channels
        self.constant = nn.Parameter(torch.randn(1, channels, *as_size(size)))

    @property
    def map(self) -> Tensor:
        """The parameter."""
        return self.constant
