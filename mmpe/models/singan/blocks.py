"""The building block of SinGAN's two networks: a short chain of 3x3 convolutions."""

from __future__ import annotations

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.numbers import check_whole, given

from ..layers import FastConv2d, normalize
from ..padding import build_padding
from ..padding.layer import Mode

LEAKY_RELU = dict(type='LeakyReLU', negative_slope=0.2)
MOST_SCALES = 1000
_MOST_LAYERS, _MOST_KERNEL = 256, 255


class _Layer(ConvModule):
    """A convolution, and what follows it, where that is both, in one."""

    def forward(self, x: Tensor) -> Tensor:
        if not (self.with_norm and self.with_activation):
            return super().forward(x)
        return normalize(super().forward(x, activate=False, norm=False), self.norm, self.activate)


class ConvChain(nn.Module):
    """``num_layers`` convolutions of one width; all but the last with a normalization and LeakyReLU (SinGAN, sec. 2.2).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        width: Channels in between.
        num_layers: Number of convolutions, at least 2.
        kernel_size: Side of the kernels, odd.
        norm_cfg: Normalization after all convolutions but the last.
        out_act_cfg: Activation after the last convolution.
        padding: What every convolution pads its input by, on each side.
        padding_mode: What it pads with, see :func:`mmpe.models.padding.modes`.

    Weights start as N(0, 0.02^2), as in the released code.

    >>> import torch
    >>> ConvChain(3, 3, width=8, padding=1, padding_mode='reflect')(torch.zeros(1, 3, 20, 25)).shape
    torch.Size([1, 3, 20, 25])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: int,
        num_layers: int = 5,
        kernel_size: int = 3,
        norm_cfg: dict | None = None,
        out_act_cfg: dict | None = None,
        padding: int = 0,
        padding_mode: Mode = 'zero',
    ):
        super().__init__()
        check_whole(1, in_channels=in_channels, out_channels=out_channels, width=width)
        check_shape(kernel_size, num_layers, padding)
        self.in_channels = in_channels
        self.width = width

        def layer(inputs: int, outputs: int, norm: dict | None, act: dict | None) -> ConvModule:
            conv = dict(type=FastConv2d)
            module = _Layer(inputs, outputs, kernel_size, 1, padding, conv_cfg=conv, norm_cfg=norm, act_cfg=act)
            return _pad_with(module, padding_mode)

        self.head = layer(in_channels, width, norm_cfg, LEAKY_RELU)
        self.body = nn.Sequential()
        for i in range(1, num_layers - 1):
            self.body.add_module(f'block{i}', layer(width, width, norm_cfg, LEAKY_RELU))
        self.tail = layer(width, out_channels, None, out_act_cfg)
        for layer in self.layers:
            nn.init.normal_(layer.conv.weight, std=0.02)
            if layer.with_bias:
                nn.init.zeros_(layer.conv.bias)

    @property
    def layers(self) -> list[ConvModule]:
        """The convolutions with what follows each, first to last."""
        return [self.head, *self.body, self.tail]

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H', W')."""
        return self.tail(self.body(self.head(x)))

    def like(self, other: ConvChain) -> bool:
        """Whether ``other``'s weights fit this chain."""
        return (self.in_channels, self.width) == (other.in_channels, other.width)

    def is_wider(self, other: ConvChain) -> bool:
        """Whether this chain can start from ``other``'s weights by :meth:`widen`."""
        return self.in_channels == other.in_channels and self.width > other.width

    @torch.no_grad()
    def widen(self, narrow: ConvChain, rng: torch.Generator) -> None:
        """Start from what a narrower chain computes (Net2WiderNet: Chen, Goodfellow and Shlens, ICLR 2016).

        Channels are repeated. What they gave to a channel of the next layer is shared out among the copies at random,
        so that the copies do not learn the same.

        Args:
            narrow: A chain that differs in nothing but its width.
            rng: Draws the shares.

        >>> x, narrow, wide = torch.randn(1, 3, 20, 25), ConvChain(3, 3, width=4), ConvChain(3, 3, width=8)
        >>> wide.widen(narrow, torch.Generator())
        >>> torch.allclose(wide(x), narrow(x), atol=1e-6)
        True
        """
        for new, old in zip(self.state_dict().values(), narrow.state_dict().values()):
            new.copy_(_widened(old, new.shape, rng))


def _widened(old: Tensor, shape: torch.Size, rng: torch.Generator) -> Tensor:
    """A tensor of a wider layer: channels repeated on its first axis, shared out on its second."""
    if old.dim() == 0:
        return old
    wide = old[torch.arange(shape[0], device=old.device) % len(old)]
    if old.dim() == 1:
        return wide
    source = torch.arange(shape[1]) % old.shape[1]
    shares = torch.rand(shape[:2], generator=rng, dtype=torch.float64) + 0.1  # no copy begins without a say
    sums = shares.new_zeros(shape[0], old.shape[1]).index_add_(1, source, shares)
    return wide[:, source.to(old.device)] * (shares / sums[:, source]).to(old)[..., None, None]


def _pad_with(layer: ConvModule, mode: Mode) -> ConvModule:
    """Have a layer that pads with zeros pad with something else, in place; mmcv takes names without options alone."""
    pad = build_padding(mode, layer.conv.padding)
    if any(pad.padding) and pad.mode != 'zero':  # the convolution's own zeros spare a copy of its input
        layer.with_explicit_padding, layer.padding_layer, layer.conv.padding = True, pad, (0, 0)
    return layer


def check_shape(kernel_size: int, num_layers: int, padding: int = 0) -> None:
    """Refuse chains that cannot be.

    Raises:
        InputError: If the kernels have no middle, there are fewer than two layers, or a number is out of its range.
    """
    check_whole(2, _MOST_LAYERS, num_layers=num_layers)
    check_whole(1, _MOST_KERNEL, kernel_size=kernel_size)
    check_whole(0, _MOST_KERNEL, padding=padding)
    if kernel_size % 2 == 0:
        raise InputError(
            f'kernel_size={kernel_size} cannot work: it must be odd, such as 3, so that kernels have a middle'
        )


def check_scales(num_scales: int | None, base_channels: int, max_channels: int) -> None:
    """Refuse a number of scales, None aside, or of channels that no pyramid has.

    Raises:
        InputError: If it is not a whole number, or out of its range.
    """
    check_whole(0, MOST_SCALES, **given(num_scales=num_scales))
    check_whole(1, base_channels=base_channels, max_channels=max_channels)


def scale_width(scale: int, base: int, maximum: int) -> int:
    """Channels of the networks of one scale: doubled every fourth scale, ``maximum`` at most (SinGAN, sec. 2.2).

    >>> [scale_width(scale, 32, 128) for scale in (0, 4, 8, 12)]
    [32, 64, 128, 128]
    """
    return min(base * 2 ** (scale // 4), maximum)
