"""Progressive GAN's generator, with a choice of padding and head."""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmpe.grid import Grid
from mmpe.registry import MODELS

from ..doubling_generator import BaseSize, num_halvings
from ..grid_generator import GridGenerator
from ..layers import leaky_relu_, pixel_norm
from ..padding import build_network_padding
from .layers import Conv, EnlargeThenConv
from .sides import level, share, widths

HEAD_GAIN = math.sqrt(2) / 4  # the official code's: the head's weights then learn at a quarter of the rate
EPSILON = 1e-5  # of maps, as the released code has it


class EnlargingBlock(nn.Module):
    """Twice the size, by two convolutions.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        padding: What the convolutions pad by. With 0 they keep a margin of two pixels on each side; with 1 they see
            zeros in its place.
    """

    def __init__(self, in_channels: int, out_channels: int, padding: int):
        super().__init__()
        self.up = EnlargeThenConv(in_channels, out_channels, padding=2 - padding)
        self.conv = Conv(out_channels, out_channels, 3, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, 2H, 2W)."""
        return _activate(self.conv(_activate(self.up(x))))


@MODELS.register_module()
class GrowingGenerator(GridGenerator):
    """The generator of Karras et al., "Progressive Growing of GANs", ICLR 2018, table 2.

    Args:
        out_size: Side of the largest image for a base size of 4, a power of 2, at least 4.
        latent_channels: Channels of a latent, which is normalized.
        base_channels: Maps of 4 pixels have half as many channels, those of 8 a quarter, and so on,
        max_channels: at most so many.
        channel_decay: Power of the 2 in that.
        head: Where the first map comes from, see :mod:`mmpe.models.heads`.
        padding: What convolutions see past the border: a mode or a part of :mod:`mmpe.models.padding`. With 'none' they
            see nothing: the head's grid is three cells larger on each side, every map after the first convolution is
            two pixels larger likewise, which images are cut out of, and weights stay those of the form with padding but
            for the head's.

    Raises:
        InputError: If an argument cannot work.

    >>> G = GrowingGenerator(out_size=16, latent_channels=6, base_channels=32, max_channels=8)
    >>> G(torch.randn(2, 6), curr_scale=8, transition_weight=0.5).shape
    torch.Size([2, 3, 8, 8])
    """

    def __init__(
        self,
        out_size: int = 128,
        latent_channels: int = 512,
        base_channels: int = 8192,
        max_channels: int = 512,
        channel_decay: float = 1.0,
        head: dict = dict(type='mmpe.DenseHead'),  # noqa: B006
        padding: str | dict = 'zero',
    ):
        super().__init__()
        self.out_size = out_size
        self.num_upsamplings = num_halvings('out_size', out_size, least=4)
        self.padding = build_network_padding(padding, radius=3)
        self.image_margin = 2 * self.padding.eaten(3)
        conv_padding = self.padding.conv_padding(3)
        channels = widths(self.num_upsamplings, base_channels, channel_decay, max_channels)
        self._build_head(head, latent_channels, channels[0], partial(Conv, kernel_size=1, gain=HEAD_GAIN, bias=False))
        self.head_bias = nn.Parameter(torch.zeros(1, channels[0], 1, 1))
        self.first = Conv(channels[0], channels[0], 3, padding=conv_padding)
        self.blocks = nn.ModuleList(EnlargingBlock(*pair, conv_padding) for pair in zip(channels, channels[1:]))
        self.to_rgb = nn.ModuleList(Conv(width, 3, 1, gain=1) for width in channels)
        self.padding.set_convolutions(self)

    def compile(self, **options) -> None:
        """Compile every block; arguments as :func:`torch.compile` has them.

        The network as a whole would be compiled anew at every side that it grows to, and again when layers are faded
        in. Blocks stay the same.
        """
        for block in self.blocks:
            block.compile(**options)

    def forward(
        self,
        z: Tensor,
        curr_scale: int | None = None,
        transition_weight: float = 1.0,
        base_size: BaseSize = None,
        coordinates: Tensor | Grid | None = None,
    ) -> Tensor:
        """Images of latents.

        Args:
            z: (N, C); or (N, C, h, w), a latent for each cell of the head's grid.
            curr_scale: Side of the image for a base size of 4; None: ``out_size``.
            transition_weight: Share, 0 to 1, of the layers that came with this side; the rest is the image of
                half the side, its pixels enlarged. Without effect at side 4.
            base_size: The image is ``curr_scale / 4`` times as large; a grid also
                says what its cells are coded as. None: 4, or what coordinates or a map of latents say.
            coordinates: (h, w, 2) in place of the own ones of the head's encoding, or the head's
                grid, of the size that :meth:`head_size` has for the base size.

        Returns:
            (N, 3, H, W), about [-1, 1].

        Raises:
            InputError: If shapes, sizes, the side or the weight do not fit, or the head has only one size.
        """
        last, weight = level(curr_scale, self.num_upsamplings), share(transition_weight)
        z, size, where = self._head_inputs(z, base_size, coordinates)
        x = self.head(pixel_norm(z), size, where) + self.head_bias
        x = _activate(self.first(self.padding.join(_activate(x))))
        below = None
        for i, block in enumerate(self.blocks[:last], start=1):
            if i == last and weight < 1:
                below = self._image(x, i - 1)
            x = block(x)
        image = self._image(x, last)
        if below is None:
            return image
        return torch.lerp(F.interpolate(below, scale_factor=2, mode='nearest'), image, weight)

    def _image(self, x: Tensor, i: int) -> Tensor:
        return self.to_rgb[i](F.pad(x, (-self.image_margin,) * 4))


def _activate(x: Tensor) -> Tensor:
    return pixel_norm(leaky_relu_(x), EPSILON)
