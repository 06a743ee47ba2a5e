"""Progressive GAN's discriminator."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.numbers import check_whole, given
from mmpe.registry import MODELS

from ..doubling_generator import BASE, num_halvings
from ..layers import full_precision, leaky_relu_, minibatch_stddev
from .layers import Conv, ConvThenMean
from .sides import level, share, widths


class ReducingBlock(nn.Module):
    """Half the size, by two convolutions.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.conv = Conv(in_channels, in_channels, 3, padding=1)
        self.down = ConvThenMean(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H / 2, W / 2)."""
        return leaky_relu_(self.down(leaky_relu_(self.conv(x))))


@MODELS.register_module()
class GrowingDiscriminator(BaseModule):
    """The discriminator of Karras et al., "Progressive Growing of GANs", ICLR 2018, table 2, as released.

    The paper has one more 3x3 convolution at 4 pixels. The released code builds it and never runs it.

    Args:
        in_size: Side of the largest pictures, a power of 2, at least 4.
        base_channels: Maps of 4 pixels have half as many channels, those of 8 a quarter, and so on,
        max_channels: at most so many.
        channel_decay: Power of the 2 in that.
        in_channels: Channels of the pictures.
        group_size: Of the minibatch standard deviation; None: without it.

    Raises:
        InputError: If an argument cannot work.

    >>> D = GrowingDiscriminator(in_size=16, base_channels=32, max_channels=8)
    >>> D(torch.zeros(2, 3, 8, 8), curr_scale=8, transition_weight=0.5).shape
    torch.Size([2, 1])
    """

    def __init__(
        self,
        in_size: int = 128,
        base_channels: int = 8192,
        max_channels: int = 512,
        channel_decay: float = 1.0,
        in_channels: int = 3,
        group_size: int | None = 4,
    ):
        super().__init__()
        check_whole(1, in_channels=in_channels, **given(group_size=group_size))
        self.in_size, self.in_channels, self.group_size = in_size, in_channels, group_size
        self.depth = num_halvings('in_size', in_size, least=4)
        channels = widths(self.depth, base_channels, channel_decay, max_channels)
        hidden = min(base_channels, max_channels)
        self.from_rgb = nn.ModuleList(Conv(in_channels, width, 1) for width in channels)
        self.blocks = nn.ModuleList(ReducingBlock(above, own) for own, above in zip(channels, channels[1:]))
        self.hidden = Conv(channels[0] + (group_size is not None), hidden, BASE)
        self.score = Conv(hidden, 1, 1, gain=1)

    def compile(self, **options) -> None:
        """Compile every block; arguments as :func:`torch.compile` has them.

        The network as a whole would be compiled anew at every side that it grows to, and again when layers are faded
        in. Blocks stay the same.
        """
        for block in self.blocks:
            block.compile(**options)

    def forward(self, x: Tensor, curr_scale: int | None = None, transition_weight: float = 1.0) -> Tensor:
        """Score pictures.

        Args:
            x: (N, in_channels, S, S), about [-1, 1].
            curr_scale: Their side, S; None: what they have.
            transition_weight: Share, 0 to 1, of the layers that came with this side; the rest sees the picture
                at half the side. Without effect at side 4.

        Returns:
            (N, 1), any real numbers, in full precision.

        Raises:
            InputError: If the pictures, the side or the weight do not fit.
        """
        last, weight = level(x.shape[-1] if curr_scale is None else curr_scale, self.depth), share(transition_weight)
        side = BASE << last
        if x.shape[1:] != (self.in_channels, side, side):
            raise InputError(
                f'pictures of shape {tuple(x.shape)} do not fit: at curr_scale={side} they must be '
                f'{("N", self.in_channels, side, side)}'
            )
        picture, x = x, self._from_rgb(x, last)
        for i in range(last, 0, -1):
            x = self.blocks[i - 1](x)
            if i == last and weight < 1:
                x = torch.lerp(self._from_rgb(F.avg_pool2d(picture, 2), i - 1), x, weight)
        if self.group_size is not None:
            x = minibatch_stddev(x, self.group_size)
        with full_precision(x):
            return self.score(leaky_relu_(self.hidden(x.to(self.score.weight.dtype)))).flatten(1)

    def _from_rgb(self, x: Tensor, i: int) -> Tensor:
        return leaky_relu_(self.from_rgb[i](x))
