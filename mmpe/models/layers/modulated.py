"""Convolutions whose input channels are scaled by a style (StyleGAN2, section 2.2).

Scaling the channels of the map is the same as scaling the weights for every picture, and one ordinary convolution then
serves the whole batch. What is left of demodulation is a positive factor for each picture and output channel. It moves
on through bias, noise and leaky ReLU into the scale that the next layer applies anyway, so it costs no pass over
memory: maps travel as a :class:`ScaledMap`, together with the factor that they have yet to be multiplied by.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import Function

from mmpe.numbers import check_whole

from .convolution import Conv2d
from .equalized import EqualizedLinear, full_precision, leaky_relu_
from .half_precision import limited
from .product_map import ProductMap, convolve_products

EPSILON = 1e-8


class ScaledMap(NamedTuple):
    """A map that stands for ``values * factor``.

    Attributes:
        values: (N, C, H, W), channels last. Without gradients the layer that takes it overwrites it. In a head, it may
            be a :class:`ProductMap`, which all images share.
        factor: (N, C), in full precision.

    >>> ScaledMap(torch.ones(1, 2, 4, 4), torch.tensor([[1.0, 3.0]])).unscaled().amax((2, 3))
    tensor([[1., 3.]])
    """

    values: Tensor | ProductMap
    factor: Tensor

    def unscaled(self) -> Tensor:
        """The map that this stands for, (N, C, H, W)."""
        return self.values * _per_channel(self.factor, self.values)


def demodulate(kernel: Tensor, style: Tensor, factor: Tensor) -> tuple[Tensor, Tensor]:
    """Scales around a convolution that make the output's expected norm one (StyleGAN2, equations 1 and 3).

    With both in full precision the convolution in between is safe in half precision: whatever the size of weights and
    styles, its result is of the size that the demodulated map has.

    Args:
        kernel: (O, I, kh, kw).
        style: (N, I).
        factor: (N, I), that of the input.

    Returns:
        (N, I) to scale the input by, and (N, O), positive, the output's factor, about one.

    >>> scale, factor = demodulate(torch.randn(4, 2, 3, 3), torch.ones(1, 2), torch.ones(1, 2))
    >>> scale.shape, factor.shape
    (torch.Size([1, 2]), torch.Size([1, 4]))
    """
    energy = style.square() @ kernel.square().sum((2, 3)).T + EPSILON * kernel[0].numel()
    unit = energy.mean(1, keepdim=True)
    return style * factor * unit.rsqrt(), (unit / energy).sqrt()


class ModulatedConv(nn.Module):
    """The linear part of a :class:`StyledConv`: 3x3, stride 1.

    Subclasses that enlarge the map by two are the parts of :mod:`mmpe.models.stylegan2.upsampling`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        padding: What the convolution pads its input by: 1 keeps the size, 0 eats a cell on each side.

    >>> ModulatedConv(2, 4, padding=0)(torch.zeros(1, 2, 5, 7)).shape
    torch.Size([1, 4, 3, 5])
    """

    def __init__(self, in_channels: int, out_channels: int, padding: int = 1):
        super().__init__()
        check_whole(1, in_channels=in_channels, out_channels=out_channels)
        check_whole(0, 1, padding=padding)
        self.conv = Conv2d(in_channels, out_channels, 3, padding=padding, bias=False)
        self.eaten = 1 - padding
        nn.init.normal_(self.conv.weight)

    @property
    def kernel(self) -> Tensor:
        """(O, I, 3, 3), the weights."""
        return self.conv.weight

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (N, in_channels, H, W)."""
        return self.conv(x)

    def modulated(self, x: Tensor | ProductMap, scale: Tensor) -> Tensor:
        """Convolve (N, in_channels, H, W), or a shared map, times (N, in_channels)."""
        if isinstance(x, ProductMap):
            return convolve_products(x, self.kernel, scale, self.conv.padding[0])
        return self(_times(x, scale))


class StyledConv(nn.Module):
    """Modulated convolution, noise, bias and leaky ReLU of slope 0.2 and gain sqrt(2).

    Args:
        layer: The convolution, which may enlarge.
        style_channels: Channels of the style.
        inject_noise: Whether noise is added at all.
        clamp: Limit of the output; None: no limit.

    >>> layer = StyledConv(ModulatedConv(2, 4), style_channels=8)
    >>> x = ScaledMap(torch.zeros(1, 2, 5, 7), torch.ones(1, 2))
    >>> layer(x, torch.zeros(1, 8), noise=torch.zeros(1, 1, 5, 7)).unscaled().shape
    torch.Size([1, 4, 5, 7])
    """

    def __init__(
        self, layer: ModulatedConv, style_channels: int, inject_noise: bool = True, clamp: float | None = None
    ):
        super().__init__()
        out_channels, in_channels = layer.kernel.shape[:2]
        self.layer = layer
        self.clamp = clamp
        self.modulation = EqualizedLinear(style_channels, in_channels, bias_init=1)
        self.noise_strength = nn.Parameter(torch.zeros(1)) if inject_noise else None
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x: ScaledMap, style: Tensor, noise: Tensor | None = None) -> ScaledMap:
        """One layer.

        Args:
            x: (N, in_channels, H, W).
            style: (N, style_channels).
            noise: (N, 1, H', W'), or one for all pictures; None for a layer without noise.

        Returns:
            (N, out_channels, H', W').
        """
        with full_precision(style):
            scale, factor = demodulate(self.layer.kernel, self.modulation(style), x.factor)
            strength = () if self.noise_strength is None else (self.noise_strength.expand_as(self.bias),)
            offsets = torch.stack((*strength, self.bias)) / factor[:, None]
        values = leaky_relu_(_add_noise(self.layer.modulated(x.values, scale), noise, offsets))
        factor = factor * math.sqrt(2)
        if self.clamp is not None:
            values = limited(values, _per_channel(self.clamp / factor, values))
        return ScaledMap(values, factor)


class ToRGB(nn.Module):
    """A modulated 1x1 convolution to an image, without demodulation (StyleGAN2, section 4.1).

    Args:
        in_channels: Channels of the map.
        style_channels: Channels of the style.
        clamp: Limit of the image; None: no limit.

    >>> x = ScaledMap(torch.zeros(1, 2, 5, 7), torch.ones(1, 2))
    >>> ToRGB(2, style_channels=8)(x, torch.zeros(1, 8)).shape
    torch.Size([1, 3, 5, 7])
    """

    def __init__(self, in_channels: int, style_channels: int, clamp: float | None = None):
        super().__init__()
        self.clamp = clamp
        self.weight = nn.Parameter(torch.randn(3, in_channels))
        self.bias = nn.Parameter(torch.zeros(3))
        self.modulation = EqualizedLinear(style_channels, in_channels, bias_init=1)

    def forward(self, x: ScaledMap, style: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) and a style (N, style_channels) to (N, 3, H, W) in full precision."""
        height, width = x.values.shape[-2:]
        with full_precision(style):
            scale = self.modulation(style) * x.factor / math.sqrt(self.weight.shape[1])
            weight = self.weight * scale[:, None]
        image = _rows(x.values) @ weight.to(x.values.dtype).transpose(1, 2)
        image = limited(image.to(self.bias.dtype) + self.bias, self.clamp)
        return image.unflatten(1, (height, width)).permute(0, 3, 1, 2)


def _times(x: Tensor, scale: Tensor) -> Tensor:
    """``x * scale`` for each channel; ``x`` itself where no gradient needs it again."""
    scale = _per_channel(scale, x)
    return x * scale if torch.is_grad_enabled() else x.mul_(scale)


def _per_channel(scale: Tensor, like: Tensor) -> Tensor:
    return scale.to(like.dtype)[:, :, None, None]


def _rows(x: Tensor) -> Tensor:
    """(N, C, H, W) as (N, H W, C), a view where channels are last."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def _add_noise(x: Tensor, noise: Tensor | None, offsets: Tensor) -> Tensor:
    """Add to ``x`` (N, C, H, W), in place, noise (N or 1, 1, H, W) times ``offsets[:, 0]``, and ``offsets[:, -1]``."""
    offsets = offsets.to(x.dtype)
    if torch.compiler.is_compiling():  # which fuses the sums by itself, and does not follow what changes its input
        strength, bias = offsets[:, 0, :, None, None], offsets[:, -1, :, None, None]
        return x + bias if noise is None else x + noise.to(x.dtype) * strength + bias
    ones = x.new_ones(x.shape[0], x.shape[-2] * x.shape[-1])
    noises = () if noise is None else (noise.to(x.dtype).flatten(1).expand(x.shape[0], -1),)
    shapes = torch.stack((*noises, ones), 2)
    return _AddProduct.apply(x.contiguous(memory_format=torch.channels_last), shapes, offsets)


class _AddProduct(Function):
    """``_rows(x) += left @ right`` of (N, H W, k) and (N, k, C), one pass forward and one backward.

    Autograd would copy the gradient to go through the view, and sum it over pixels once for each of the k terms.
    """

    @staticmethod
    def forward(ctx, x, left, right):
        ctx.mark_dirty(x)
        ctx.save_for_backward(left, right)
        _rows(x).baddbmm_(left, right)
        return x

    @staticmethod
    def backward(ctx, grad):
        left, right = ctx.saved_tensors
        _, needs_left, needs_right = ctx.needs_input_grad
        rows = _rows(grad)
        grad_left = rows @ right.transpose(1, 2) if needs_left else None
        grad_right = left.transpose(1, 2) @ rows if needs_right else None
        return grad, grad_left, grad_right
