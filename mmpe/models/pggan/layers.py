"""Convolutions with an equalized learning rate, also with a change of size by two in the same pass.

Enlarging pixels to squares and then convolving by 3x3 taps is a transposed convolution by 4x4 taps of stride 2, of four
ninths of the work; convolving and then averaging squares is a convolution by 4x4 taps of stride 2. The taps are sums of
the 3x3 ones, which stay the weights (Progressive GAN's official code calls these layers fused).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..layers import ConvTranspose2d, EqualizedConv2d, convolve

RELU_GAIN = math.sqrt(2)


class Conv(EqualizedConv2d):
    """A convolution with an equalized learning rate, whose gain is the weights' and not the bias's.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side of the kernels.
        gain: Factor of the weights.
        **options: As ``nn.Conv2d`` has them.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, gain: float = RELU_GAIN, **options):
        super().__init__(in_channels, out_channels, kernel_size, gain, **options)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve (N, in_channels, H, W)."""
        kernel = self.weight * (self.gain / math.sqrt(self.weight[0].numel()))
        return convolve(input, kernel, self.bias, self.stride, self.padding)


class ConvThenMean(EqualizedConv2d):
    """A 3x3 convolution with zero padding, then the mean of every square of four pixels.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(in_channels, out_channels, 4, RELU_GAIN, stride=2, padding=1)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H / 2, W / 2)."""
        kernel = _spread(self.weight) * (self.gain / 4 / math.sqrt(self.weight[0].numel()))
        return convolve(input, kernel, self.bias, self.stride, self.padding)


class EnlargeThenConv(ConvTranspose2d):
    """Every pixel enlarged to a square of four, then a 3x3 convolution.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        padding: 1 keeps the size at twice the input's, as if zeros were around it; 2 sees no zeros and crops a
            pixel of the twofold size on each side.

    Attributes:
        weight: (I, O, 3, 3), as transposed convolutions have them: mirrored.
        fan_in: What the equalized weights are divided by the root of.
    """

    def __init__(self, in_channels: int, out_channels: int, padding: int = 1):
        super().__init__(in_channels, out_channels, 4, stride=2, padding=padding)
        self.weight = nn.Parameter(torch.randn(in_channels, out_channels, 3, 3))
        nn.init.zeros_(self.bias)
        self.fan_in = 9 * in_channels

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, 2H, 2W), two smaller with padding 2."""
        kernel = _spread(self.weight) * (RELU_GAIN / math.sqrt(self.fan_in))
        return convolve(input, kernel, self.bias, self.stride, self.padding, transposed=True)


def _spread(weight: Tensor) -> Tensor:
    """The 4x4 taps that 3x3 taps (..., 3, 3) and a square of four equal ones are together."""
    wide = F.pad(weight, (1, 1, 1, 1))
    rows = wide[..., 1:, :] + wide[..., :-1, :]
    return rows[..., 1:] + rows[..., :-1]
