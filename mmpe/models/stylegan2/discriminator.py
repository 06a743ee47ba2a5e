"""StyleGAN2's discriminator."""

from __future__ import annotations

import math

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.numbers import as_size, check_above, check_whole, size_text
from mmpe.registry import MODELS

from ..doubling_generator import num_halvings
from ..layers import (
    Blur,
    EqualizedConv2d,
    EqualizedLinear,
    average_cells,
    float16,
    leaky_relu_,
    limited,
    minibatch_stddev,
)
from .widths import widths

ACTIVATION_GAIN = math.sqrt(2)


class ResidualBlock(nn.Module):
    """Two convolutions beside a 1x1 convolution, each to half the size; their sum over sqrt(2).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        clamp: Limit of activations, times the gain of a layer; None: no limit.
    """

    def __init__(self, in_channels: int, out_channels: int, clamp: float | None = None):
        super().__init__()
        self.clamps = clamp, clamp and clamp / math.sqrt(2)
        self.conv1 = EqualizedConv2d(in_channels, in_channels, 3, ACTIVATION_GAIN, padding=1)
        self.blur = Blur(padding=2)
        self.conv2 = EqualizedConv2d(in_channels, out_channels, 3, ACTIVATION_GAIN / math.sqrt(2), stride=2)
        # A 1x1 convolution of stride 2 sees every second position only, so only those are blurred.
        self.skip_blur = Blur(padding=1, stride=2)
        self.skip = EqualizedConv2d(in_channels, out_channels, 1, 1 / math.sqrt(2), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H // 2, W // 2)."""
        inner, outer = self.clamps
        skip = limited(self.skip(self.skip_blur(x)), outer)
        x = limited(leaky_relu_(self.conv1(x)), inner)
        return skip.add_(limited(leaky_relu_(self.conv2(self.blur(x))), outer))


@MODELS.register_module()
class StyleDiscriminator(BaseModule):
    """The discriminator of Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020.

    Args:
        in_size: Side of the pictures, a power of 2; with a pool, of the smallest that it is made for.
        channel_multiplier: Factor of the channels, which are 16384 over the resolution.
        pool_size: What the last map is averaged to, so that pictures may have any size
            (MS-PIE). None: no pool; only pictures of ``in_size`` fit.
        group_size: Of the minibatch standard deviation.
        max_channels: Limit of the channels.
        num_fp16_res: How many of the largest resolutions are computed in float16, see :class:`StyleGenerator`.
        conv_clamp: Limit of activations, in all resolutions if there are any in float16.

    Raises:
        InputError: If an argument cannot work.

    >>> D = StyleDiscriminator(in_size=16, pool_size=2, max_channels=8)
    >>> D(torch.zeros(2, 3, 16, 24)).shape
    torch.Size([2, 1])
    """

    def __init__(
        self,
        in_size: int = 256,
        channel_multiplier: float = 2,
        pool_size: int | tuple[int, int] | None = None,
        group_size: int = 4,
        max_channels: int = 512,
        num_fp16_res: int = 0,
        conv_clamp: float = 256.0,
    ):
        super().__init__()
        depth = num_halvings('in_size', in_size)
        channels = widths(depth, channel_multiplier, max_channels)
        check_whole(1, group_size=group_size)
        check_whole(0, depth, num_fp16_res=num_fp16_res)
        check_above(0, conv_clamp=conv_clamp)
        self.in_size, self.group_size = in_size, group_size
        self.smallest = 2**depth
        self.pool_size = None if pool_size is None else as_size(pool_size, 'pool_size')
        self.from_rgb = EqualizedConv2d(3, channels[-1], 1, ACTIVATION_GAIN)
        self.num_fp16_res = num_fp16_res
        self.clamp = conv_clamp if num_fp16_res else None
        self.blocks = nn.ModuleList(
            ResidualBlock(channels[i], channels[i - 1], self.clamp) for i in range(depth, 0, -1)
        )
        self.last_conv = EqualizedConv2d(channels[0] + 1, channels[0], 3, ACTIVATION_GAIN, padding=1)
        rows, columns = self.pool_size or (4, 4)
        self.hidden = EqualizedLinear(channels[0] * rows * columns, channels[0], activation=True)
        self.score = EqualizedLinear(channels[0], 1)
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        """Score pictures.

        Args:
            x: (N, 3, H, W), about [-1, 1].

        Returns:
            (N, 1), in full precision.

        Raises:
            InputError: If the pictures have a size that does not fit.
        """
        self._check(x)
        x = x.contiguous(memory_format=torch.channels_last)
        largest, others = self.blocks[: self.num_fp16_res], self.blocks[self.num_fp16_res :]
        with float16(x, self.num_fp16_res > 0):
            x = limited(leaky_relu_(self.from_rgb(x)), self.clamp)
            for block in largest:
                x = block(x)
        if largest:
            x = x.to(self.score.weight.dtype)
        for block in others:
            x = block(x)
        x = limited(leaky_relu_(self.last_conv(minibatch_stddev(x, self.group_size))), self.clamp)
        if self.pool_size:
            x = average_cells(x, self.pool_size)
        return self.score(self.hidden(x.flatten(1)))

    def _check(self, x: Tensor) -> None:
        if x.ndim != 4 or x.shape[1] != 3:
            raise InputError(f'pictures must have shape (N, 3, H, W), got {tuple(x.shape)}')
        height, width = x.shape[-2:]
        if self.pool_size is None and (height, width) != (self.in_size, self.in_size):
            raise InputError(
                f'a discriminator without pool_size sees only pictures of '
                f'{size_text((self.in_size, self.in_size))}, got {size_text((height, width))}: resize them, or give it '
                'pool_size=2'
            )
        if min(height, width) < self.smallest:
            raise InputError(
                f'pictures of {size_text((height, width))} are too small for a discriminator with '
                f'in_size={self.in_size}: sides must be at least {self.smallest}'
            )
