"""Layers with an equalized learning rate: weights are N(0, 1), and scaled by 1 / sqrt(fan-in) when they are used.

From Karras et al., "Progressive Growing of GANs", ICLR 2018, section 4.1.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .convolution import Conv2d

SLOPE = 0.2


def leaky_relu_(x: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2, in place: a new large map costs several times as much as a pass over one.

    >>> leaky_relu_(torch.tensor([-1.0, 1.0]))
    tensor([-0.2000,  1.0000])
    """
    return F.leaky_relu_(x, SLOPE)


def full_precision(x: Tensor) -> torch.autocast:
    """A context without autocast on the device of ``x``, for what is small and has to be exact.

    >>> with torch.autocast('cpu'), full_precision(x := torch.ones(2, 2)):
    ...     (x @ x).dtype
    torch.float32
    """
    return torch.autocast(x.device.type, enabled=False)


class EqualizedLinear(nn.Module):
    """A linear layer with an equalized learning rate, (N, in_channels) -> (N, out_channels).

    It works in the precision of its weights, also under autocast: it is small, and styles and scores hang on it.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        lr_mul: Factor of the learning rate of weights and biases (StyleGAN, appendix C).
        bias_init: What the bias starts from.
        activation: Whether a leaky ReLU of slope 0.2 and gain sqrt(2) follows.

    >>> EqualizedLinear(4, 2)(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        lr_mul: float = 1.0,
        bias_init: float = 0.0,
        activation: bool = False,
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels) / lr_mul)
        self.bias = nn.Parameter(torch.full((out_channels,), float(bias_init)))
        self.lr_mul = lr_mul
        self.activation = activation
        self.gain = lr_mul / math.sqrt(in_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels) to (N, out_channels)."""
        with full_precision(x):
            y = F.linear(x.to(self.weight.dtype), self.weight * self.gain, self.bias * self.lr_mul)
            return leaky_relu_(y * math.sqrt(2)) if self.activation else y

    def extra_repr(self) -> str:
        """Channels, learning rate and activation."""
        out_channels, in_channels = self.weight.shape
        return f'{in_channels}, {out_channels}, lr_mul={self.lr_mul}, activation={self.activation}'


class EqualizedConv2d(Conv2d):
    """A convolution with an equalized learning rate, (N, in_channels, H, W) -> (N, out_channels, H', W').

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side of the kernels.
        gain: Factor of the result, bias included.
        **options: As ``nn.Conv2d`` has them.

    >>> EqualizedConv2d(3, 8, 3, padding=1)(torch.zeros(1, 3, 5, 7)).shape
    torch.Size([1, 8, 5, 7])
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, gain: float = 1.0, **options):
        super().__init__(in_channels, out_channels, kernel_size, **options)
        self.gain = gain
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve (N, in_channels, H, W)."""
        weight, scale = self.weight, self.gain / math.sqrt(self.weight[0].numel())
        # The same product either way: the smaller factor is the cheaper to scale.
        if input.numel() < weight.numel():
            input = input * scale
        else:
            weight = weight * scale
        bias = None if self.bias is None else self.bias * self.gain
        return self._conv_forward(input, weight, bias)
