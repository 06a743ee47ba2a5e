"""Where a SinGAN block takes the pixels that its convolutions eat.

A block of five 3x3 convolutions without padding shrinks a map by five pixels a side. Each class here answers with one
way to make up for them. It says how the block's convolutions pad (``conv_padding``, ``conv_padding_mode``), how much
wider than its image a scale's noise map is drawn (``noise_margin``), and joins noise and image to the block's input.
"""

from __future__ import annotations

from torch import Tensor, nn

from mmpe.registry import MODELS

from ..padding import build_padding
from .blocks import check_shape


class Border(nn.Module):
    """What all borders share.

    Args:
        kernel_size (int): Side of the block's kernels.
        num_layers (int): Number of the block's convolutions.
    """

    conv_padding = 0
    conv_padding_mode = 'zeros'
    noise_margin = 0

    def __init__(self, kernel_size: int, num_layers: int):
        super().__init__()
        check_shape(kernel_size, num_layers)
        self.reach = (kernel_size - 1) // 2 * num_layers

    def join(self, noise: Tensor, image: Tensor | None) -> Tensor:
        """Make a block's input of weighted noise (N, C, h, w) and an image (N, 3, H, W), or of noise alone."""
        return noise if image is None else noise + image


@MODELS.register_module()
class LayerBorder(Border):
    """Every convolution pads its own input; noise and image come as they are.

    With ``mode='zero'``, the released CSG and SPE recipes.
    """

    def __init__(self, kernel_size: int, num_layers: int, mode: str = 'zero'):
        super().__init__(kernel_size, num_layers)
        self.conv_padding = (kernel_size - 1) // 2
        # torch's own name for zero padding spares the convolution a copy of its input
        self.conv_padding_mode = 'zeros' if mode == 'zero' else f'mmpe.{mode}'


@MODELS.register_module()
class HeadBorder(Border):
    """The block's input is padded once, by all that its convolutions will eat.

    With ``mode='zero'``, SinGAN as released.
    """

    def __init__(self, kernel_size: int, num_layers: int, mode='zero'):
        super().__init__(kernel_size, num_layers)
        self.pad = build_padding(mode, self.reach)

    def join(self, noise, image):
        return self.pad(super().join(noise, image))


@MODELS.register_module()
class DrawnBorder(Border):
    """Noise is drawn on a map that is larger by what the convolutions eat; only the image has to be enlarged.

    With ``mode='interp'``, the paper's form without zero padding: no pixel tells noise from border (sec. 4.1).
    """

    def __init__(self, kernel_size: int, num_layers: int, mode=None):
        super().__init__(kernel_size, num_layers)
        self.noise_margin = self.reach
        self.pad = build_padding(mode or dict(type='interp', mode='bicubic'), self.reach)

    def join(self, noise, image):
        return super().join(noise, None if image is None else self.pad(image))
