"""How a generator's block enlarges its map by two: in which order it convolves and interpolates.

Without padding a block is given the map of its own size and delivers one pixel more on each side of the enlarged one,
for the valid convolution that follows.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.registry import MODELS

from ..layers import Blur, ConvTranspose2d, ModulatedConv
from ..padding import build_padding


@MODELS.register_module()
class TransposedConvBlur(ModulatedConv):
    """Transposed convolution of stride 2, then a blur: StyleGAN2's own order.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        padding: 1; there is no form of it without padding.

    Raises:
        InputError: Without padding.

    >>> import torch
    >>> TransposedConvBlur(2, 3)(torch.zeros(1, 2, 4, 6)).shape
    torch.Size([1, 3, 8, 12])
    """

    def __init__(self, in_channels: int, out_channels: int, padding: int = 1):
        super().__init__(in_channels, out_channels, padding)
        if self.eaten:
            raise InputError(
                "upsampling=dict(type='TransposedConvBlur') cannot work with padding='none', or another padding whose "
                "convolutions see nothing past the border: take 'BilinearThenConv' or 'ConvThenBilinear'"
            )
        # The blur sees one pixel past the border, so the convolution before it is run one pixel further: whatever the
        # padding, it is that of one map. Padding the map in between would shift the phases of the stride.
        self.pad = build_padding('zero', 1)
        self.conv = ConvTranspose2d(in_channels, out_channels, 3, stride=2, padding=1, bias=False)
        nn.init.normal_(self.conv.weight)
        self.blur = Blur(padding=0, gain=4)

    @property
    def kernel(self) -> Tensor:
        """(O, I, 3, 3), the weights."""
        return self.conv.weight.transpose(0, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, 2H, 2W)."""
        return self.blur(self.conv(self.pad(x)))


@MODELS.register_module()
class ConvThenBilinear(ModulatedConv):
    """Convolution, then bilinear enlargement with aligned corners (MS-PIE's configurations c to g).

    Args: See :class:`~mmpe.models.layers.ModulatedConv`.

    >>> import torch
    >>> ConvThenBilinear(2, 3, padding=0)(torch.zeros(1, 2, 4, 6)).shape
    torch.Size([1, 3, 10, 14])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, 2H, 2W), or 2 larger without padding."""
        return _enlarge(self.conv(x), x, margin=2 * self.eaten)


@MODELS.register_module()
class BilinearThenConv(ModulatedConv):
    """Bilinear enlargement with aligned corners, then convolution (MS-PIE's configurations h to k).

    Args: See :class:`~mmpe.models.layers.ModulatedConv`.

    >>> import torch
    >>> BilinearThenConv(2, 3)(torch.zeros(1, 2, 4, 6)).shape
    torch.Size([1, 3, 8, 12])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, 2H, 2W), or 2 larger without padding."""
        return self.conv(_enlarge(x, x, margin=4 * self.eaten))


def _enlarge(x: Tensor, like: Tensor, margin: int) -> Tensor:
    """Enlarge to twice the size of ``like`` and ``margin`` pixels."""
    size = [2 * length + margin for length in like.shape[-2:]]
    return F.interpolate(x, size, mode='bilinear', align_corners=True)
