"""SinGAN's discriminators: one patch critic per scale."""

from __future__ import annotations

import torch.nn as nn
from mmengine.model import BaseModule
from torch import Tensor

from mmpe.numbers import check_whole
from mmpe.registry import MODELS

from .blocks import ConvChain, check_scales, check_shape, scale_width


@MODELS.register_module()
class SinGANDiscriminator(BaseModule):
    """A Markovian discriminator per scale, each of the generator block's own shape (SinGAN, sec. 2.2).

    Args:
        num_scales: Number of scales. None: none yet, :meth:`grow` adds them.
        in_channels: Channels of the image.
        norm_cfg: Normalization; None for none.
        padding: Zero padding of every convolution.
        kernel_size: Side of the kernels, odd.
        num_layers: Convolutions per block.
        base_channels: Width of the first four blocks; it doubles every four scales.
        max_channels: Width that no block exceeds.

    >>> import torch
    >>> SinGANDiscriminator(num_scales=2, base_channels=4)(torch.zeros(1, 3, 20, 25), curr_scale=1).shape
    torch.Size([1, 1, 10, 15])
    """

    def __init__(
        self,
        num_scales: int | None = None,
        in_channels: int = 3,
        norm_cfg: dict | None = dict(type='BN'),  # noqa: B006
        padding: int = 0,
        kernel_size: int = 3,
        num_layers: int = 5,
        base_channels: int = 32,
        max_channels: int = 128,
    ):
        super().__init__()
        check_scales(num_scales, base_channels, max_channels)
        check_whole(1, in_channels=in_channels)
        check_shape(kernel_size, num_layers, padding)
        self.in_channels = in_channels
        self.base_channels, self.max_channels = base_channels, max_channels
        self.shape = dict(kernel_size=kernel_size, num_layers=num_layers, padding=padding, norm_cfg=norm_cfg)
        self.blocks = nn.ModuleList()
        self.grow(num_scales or 0)

    def compile(self, **options) -> None:
        """Compile every block that there is; arguments as :func:`torch.compile` has them.

        Sizes are dynamic unless the arguments say otherwise, so that scales of one width share a graph.
        """
        for block in self.blocks:
            block.compile(**dict(dynamic=True) | options)

    @property
    def patch(self) -> int:
        """Side in pixels of the smallest image that has a score."""
        eaten = self.shape['kernel_size'] - 1 - 2 * self.shape['padding']
        return max(1, 1 + eaten * self.shape['num_layers'])

    def grow(self, num_scales: int) -> None:
        """Add blocks until there are ``num_scales``."""
        for scale in range(len(self.blocks), num_scales):
            width = scale_width(scale, self.base_channels, self.max_channels)
            self.blocks.append(ConvChain(self.in_channels, 1, width, **self.shape))

    def forward(self, x: Tensor, curr_scale: int) -> Tensor:
        """Judge an image.

        Args:
            x: (N, 3, H, W).
            curr_scale: Whose scale it is.

        Returns:
            (N, 1, H', W'), one score per patch; higher is more real.
        """
        return self.blocks[curr_scale](x)
