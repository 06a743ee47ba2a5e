"""DCGAN's discriminator."""

from __future__ import annotations

from functools import partial

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.numbers import check_real, check_whole
from mmpe.registry import MODELS

from ..doubling_generator import BASE, num_halvings
from .blocks import NormBlock, initialize


@MODELS.register_module()
class ConvDiscriminator(BaseModule):
    """The discriminator of Radford et al., "Unsupervised Representation Learning with DCGANs", ICLR 2016.

    Convolutions of stride 2 with 4x4 kernels and leaky ReLU, batch normalization from the second one on, and a last
    convolution over the 4x4 map that is left.

    Args:
        in_size: Side of the pictures, a power of 2, at least 8.
        channels: Width after the first convolution; each further one doubles it.
        in_channels: Channels of the pictures.
        out_channels: Numbers for each picture.
        slope: Of leaky ReLU below zero; the released configs have 0.01.

    Raises:
        InputError: If the size cannot work.

    >>> import torch
    >>> ConvDiscriminator(in_size=16, channels=4)(torch.zeros(2, 3, 16, 16)).shape
    torch.Size([2, 1])
    """

    def __init__(
        self, in_size: int = 64, channels: int = 128, in_channels: int = 3, out_channels: int = 1, slope: float = 0.2
    ):
        super().__init__()
        check_whole(1, channels=channels, in_channels=in_channels, out_channels=out_channels)
        check_real(0, 1, slope=slope)
        self.in_size, self.in_channels = in_size, in_channels
        halve = partial(nn.Conv2d, kernel_size=BASE, stride=2, padding=1)
        activation = nn.LeakyReLU(slope, inplace=True)
        self.first = halve(in_channels, channels)
        self.activation = activation
        self.blocks = nn.Sequential()
        for _ in range(num_halvings('in_size', in_size) - 1):
            self.blocks.append(NormBlock(halve(channels, 2 * channels, bias=False), activation))
            channels *= 2
        self.last = nn.Conv2d(channels, out_channels, BASE)
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        """Score pictures.

        Args:
            x: (N, in_channels, in_size, in_size), about [-1, 1].

        Returns:
            (N, out_channels), logits of being real.

        Raises:
            InputError: If the pictures have another shape.
        """
        if x.shape[1:] != (self.in_channels, self.in_size, self.in_size):
            raise InputError(
                f'pictures must have shape {("N", self.in_channels, self.in_size, self.in_size)}, got {tuple(x.shape)}'
            )
        return self.last(self.blocks(self.activation(self.first(x)))).flatten(1)
