"""Up- and down-sampling by the low-pass filter [1, 3, 3, 1] of StyleGAN2.

:func:`upfirdn2d` says what such filters do, in any combination. What the networks need of it are the layers here, which
do the same in fewer passes over memory.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..padding import build_padding
from .convolution import convolve


def binomial_filter() -> Tensor:
    """The (4, 4) filter of StyleGAN2, the outer product of [1, 3, 3, 1] / 8 with itself.

    >>> binomial_filter()[0]
    tensor([0.0156, 0.0469, 0.0469, 0.0156])
    """
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    return torch.outer(taps, taps)


def upfirdn2d(x: Tensor, kernel: Tensor, up: int = 1, down: int = 1, padding: tuple = (0, 0, 0, 0)) -> Tensor:
    """Put zeros between pixels, pad with zeros, convolve, keep some: the plain form, to compare with.

    Args:
        x: (N, C, H, W).
        kernel: (kh, kw); convolved with, so that an impulse becomes the kernel.
        up: Every pixel is followed by ``up - 1`` zeros.
        down: Every ``down``-th pixel of the result is kept.
        padding: (left, right, top, bottom) after up-sampling; negative numbers crop.

    Returns:
        (N, C, H', W'), H' = (H up + top + bottom - kh) // down + 1, and W' likewise.

    >>> upfirdn2d(torch.ones(1, 1, 4, 6), binomial_filter(), up=2, padding=(2, 1, 2, 1)).shape
    torch.Size([1, 1, 8, 12])
    """
    batch, channels, height, width = x.shape
    stuffed = x.new_zeros(batch, channels, height * up, width * up)
    stuffed[:, :, ::up, ::up] = x
    kernel = kernel.to(x).flip(0, 1).expand(channels, 1, *kernel.shape)
    return F.conv2d(F.pad(stuffed, padding), kernel, groups=channels)[:, :, ::down, ::down]


class Blur(nn.Conv2d):
    """The binomial filter on each channel, (N, C, H, W) -> (N, C, H', W').

    A convolution like any other to :func:`mmpe.models.padding.set_padding`, and without an entry in the state dict.

    Args:
        padding: Zeros on each side.
        stride: 2 filters at every second position only.
        gain: Factor of the filter.

    >>> Blur(padding=2)(torch.ones(1, 3, 4, 6)).shape
    torch.Size([1, 3, 5, 7])
    """

    def __init__(self, padding: int, stride: int = 1, gain: float = 1.0):
        super().__init__(1, 1, 4, stride=stride, padding=padding, bias=False)
        del self.weight
        self.register_buffer('weight', binomial_filter()[None, None] * gain, persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        """Filter (N, C, H, W)."""
        channels = input.shape[1]
        weight = self.weight.expand(channels, -1, -1, -1)
        return convolve(input, weight, None, self.stride, self.padding, groups=channels)


class EnlargeImage(nn.Module):
    """Twice the size by the binomial filter, (N, C, H, W) -> (N, C, 2H, 2W), zeros past the border.

    The filter's two phases are (1, 3) / 4 and (3, 1) / 4, which is what bilinear resizing takes where corners are not
    aligned; only at the border it would repeat pixels.

    >>> EnlargeImage()(torch.ones(1, 3, 4, 6)).shape
    torch.Size([1, 3, 8, 12])
    """

    def __init__(self):
        super().__init__()
        self.pad = build_padding('zero', 1)

    def forward(self, image: Tensor) -> Tensor:
        """Enlarge (N, C, H, W)."""
        framed = F.interpolate(self.pad(image), scale_factor=2, mode='bilinear', align_corners=False)
        return framed[:, :, 2:-2, 2:-2]
