"""Few colors on the way into one scale, so that a crude painting can take the image's place there."""

from __future__ import annotations

import scipy
import torch
import torch.nn as nn
from torch import Tensor

from mmpe.errors import InputError
from mmpe.numbers import check_whole
from mmpe.registry import MODELS

from .blocks import MOST_SCALES, check_scales
from .generator import SinGANGenerator

_MOST_COLORS = 4096  # every image has a distance to each of them for every pixel


@MODELS.register_module()
class Palette(nn.Module):
    """The main colors of a picture, and images reduced to them (SinGAN, sec. 4, "paint-to-image").

    Args:
        num_colors: How many.
        scale: The scale whose input is reduced, at least 1: the one at which paintings are to be injected.

    Attributes:
        colors (Tensor): (num_colors, 3) in [-1, 1], in the state dict.

    Raises:
        InputError: If there are no colors, or nothing enters the scale.

    >>> palette = Palette(num_colors=2)
    >>> palette.learn(torch.tensor([[-1.0, 1.0]]).view(1, 1, 1, 2).expand(1, 3, 4, 2))  # black beside white
    >>> palette(torch.full((1, 3, 1, 1), 0.4)).flatten().tolist()
    [1.0, 1.0, 1.0]
    """

    def __init__(self, num_colors: int = 5, scale: int = 1):
        super().__init__()
        check_whole(1, _MOST_COLORS, num_colors=num_colors)
        check_whole(1, MOST_SCALES, scale=scale)
        self.scale = scale
        self.register_buffer('colors', torch.zeros(num_colors, 3))

    def learn(self, picture: Tensor) -> None:
        """Take the main colors of (1, 3, H, W), by k-means."""
        pixels = picture[0].flatten(1).T.double().cpu().numpy()
        colors, _ = scipy.cluster.vq.kmeans2(pixels, len(self.colors), minit='++', seed=0)
        self.colors.copy_(torch.from_numpy(colors))

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) with every pixel's color replaced by the nearest of the palette."""
        pixels = image.movedim(1, -1)
        distances = _distances(pixels.reshape(-1, 3).to(self.colors), self.colors)
        return self.colors[distances.argmin(1)].reshape(pixels.shape).movedim(-1, 1).to(image.dtype)


def _distances(pixels: Tensor, colors: Tensor) -> Tensor:
    """(P, K), or in an exported graph their squares, of pixels (P, 3) to colors (K, 3)."""
    if torch.compiler.is_exporting():  # ONNX has no cdist
        return (pixels[:, None] - colors).square().sum(-1)
    # the matrix product that PyTorch would use is not exact: it mistakes colors that are equally near
    return torch.cdist(pixels, colors, compute_mode='donot_use_mm_for_euclid_dist')


@MODELS.register_module()
class SinGANPaletteGenerator(SinGANGenerator):
    """A :class:`SinGANGenerator` one of whose scales sees the image below it in few colors.

    So it is trained, and so it is sampled: what enters the scale, from below or injected, always passes the palette.

    Args:
        palette: Config of a :class:`Palette`.
        num_scales: As :class:`SinGANGenerator` has it.
        **settings: The other arguments of :class:`SinGANGenerator`.
    """

    def __init__(self, palette: dict = dict(type='mmpe.Palette'), num_scales: int | None = None, **settings):  # noqa: B006
        super().__init__(**settings)
        check_scales(num_scales, self.base_channels, self.max_channels)
        self.palette = MODELS.build(palette)
        self.grow(num_scales or 0)

    def grow(self, num_scales: int) -> None:
        """As :meth:`SinGANGenerator.grow`.

        Raises:
            InputError: If the palette is for a scale that does not exist.
        """
        if 0 < num_scales <= self.palette.scale:
            raise InputError(
                f'the palette is for scale {self.palette.scale}, and the scales of this picture are 0 to '
                f'{num_scales - 1}: set model.generator.palette.scale'
            )
        super().grow(num_scales)

    def refine(self, scale, noise, weight, image=None, coordinates=None) -> Tensor:
        """As :meth:`SinGANGenerator.refine`."""
        if scale == self.palette.scale:
            image = self.palette(image)
        return super().refine(scale, noise, weight, image, coordinates)
