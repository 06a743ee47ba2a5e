"""SinGAN's generator: a pyramid of small networks, each adding detail to the enlarged image of the one below."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn as nn
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Grid, Size
from mmpe.numbers import check_real, check_whole, given
from mmpe.registry import MODELS

from ..encodings import encode
from ..padding import build_network_padding
from .blocks import ConvChain, check_scales, check_shape, scale_width
from .windows import in_windows


@MODELS.register_module()
class SinGANGenerator(BaseModule):
    """Generator of "SinGAN: Learning a Generative Model from a Single Natural Image" (ICCV 2019), told where it is.

    Args:
        num_scales: Number of scales. None: none yet, :meth:`grow` adds them once the picture is known.
        out_channels: Channels of the image.
        first_channels: Channels of the noise at scale 0. None: the encoding's, or 1 where there is none.
        noise_channels: Channels of the noise above scale 0; 1 is spread over all of the image's.
        padding: Where blocks take the pixels that convolutions eat: a part or a mode of
            :mod:`mmpe.models.padding`.
        encoding: Positional encoding, added to the noise of scale 0 (paper, sec. 4.1).
        kernel_size: Side of the kernels, odd.
        num_layers: Convolutions per block.
        base_channels: Width of the first four blocks; it doubles every four scales.
        max_channels: Width that no block exceeds.
        encoding_weight: What the encoding is multiplied by; the noise's standard deviation is 1. With a
            larger one less of the layout is left to chance.

    >>> import torch
    >>> G = SinGANGenerator(num_scales=2, base_channels=4, encoding=dict(type='CartesianGrid'), padding='zero')
    >>> sizes = [(20, 25), (26, 33)]
    >>> noises = [torch.randn(1, *G.noise_shape(scale, size)) for scale, size in enumerate(sizes)]
    >>> G(noises, noise_weights=[1, 0.1]).shape
    torch.Size([1, 3, 26, 33])
    """

    def __init__(
        self,
        num_scales: int | None = None,
        out_channels: int = 3,
        first_channels: int | None = None,
        noise_channels: int = 3,
        padding: str | dict = dict(type='mmpe.PadInputOnce', mode='zero'),  # noqa: B006
        encoding: dict | None = None,
        kernel_size: int = 3,
        num_layers: int = 5,
        base_channels: int = 32,
        max_channels: int = 128,
        encoding_weight: float = 1.0,
    ):
        super().__init__()
        check_scales(num_scales, base_channels, max_channels)
        check_whole(1, out_channels=out_channels, noise_channels=noise_channels, **given(first_channels=first_channels))
        check_shape(kernel_size, num_layers)
        check_real(0, encoding_weight=encoding_weight)
        if encoding_weight != 1 and not encoding:
            raise InputError(f'encoding_weight={encoding_weight} has no effect without an encoding: give one')
        self.out_channels = out_channels
        self.noise_channels = noise_channels
        self.base_channels, self.max_channels = base_channels, max_channels
        self.shape = dict(kernel_size=kernel_size, num_layers=num_layers)
        self.encoding = MODELS.build(encoding) if encoding else None
        self.encoding_weight = encoding_weight
        self.padding = build_network_padding(padding, radius=kernel_size // 2 * num_layers)
        self.first_channels = first_channels or (self.encoding.out_channels if self.encoding else 1)
        if self.first_channels not in (1, self.in_channels):
            raise InputError(
                f'first_channels={self.first_channels} does not fit the first block, which sees {self.in_channels}'
            )
        self.blocks = nn.ModuleList()
        self.grow(num_scales or 0)

    def compile(self, **options) -> None:
        """Compile every block that there is; arguments as :func:`torch.compile` has them.

        Sizes are dynamic unless the arguments say otherwise, so that scales of one width share a graph.
        """
        for block in self.blocks:
            block.compile(**dict(dynamic=True) | options)

    def grow(self, num_scales: int) -> None:
        """Add blocks until there are ``num_scales``."""
        for scale in range(len(self.blocks), num_scales):
            self.blocks.append(
                ConvChain(
                    self.in_channels if scale == 0 else self.out_channels,
                    self.out_channels,
                    scale_width(scale, self.base_channels, self.max_channels),
                    norm_cfg=dict(type='BN'),
                    out_act_cfg=dict(type='Tanh'),
                    padding=self.padding.conv_padding(self.shape['kernel_size']),
                    padding_mode=self.padding.conv_mode,
                    **self.shape,
                )
            )

    @property
    def in_channels(self) -> int:
        """Channels of the first block's input: the encoding's where there is one, else the image's."""
        return self.encoding.out_channels if self.encoding else self.out_channels

    def noise_shape(self, scale: int, size: Size) -> tuple[int, int, int]:
        """(C, h, w) of the noise map that gives an image of ``size`` (H, W) at ``scale``."""
        margin = 2 * self.padding.margin
        channels = self.first_channels if scale == 0 else self.noise_channels
        return channels, size[0] + margin, size[1] + margin

    def image_size(self, noise: Tensor) -> Size:
        """(H, W) of the image that a noise map gives."""
        margin = 2 * self.padding.margin
        return noise.shape[-2] - margin, noise.shape[-1] - margin

    def enlarge(self, image: Tensor, size: Size) -> Tensor:
        """Bicubic resize between scales, corners aligned."""
        return F.interpolate(image, size, mode='bicubic', align_corners=True)

    def block_input(
        self,
        scale: int,
        noise: Tensor,
        weight: float | Tensor,
        image: Tensor | None = None,
        coordinates: Tensor | Grid | None = None,
    ) -> Tensor:
        """What the block of ``scale`` sees; arguments as in :meth:`refine`."""
        if scale == 0:
            noise, image = self._place(noise, coordinates), None
        return self.padding.join(noise * weight, image)

    def refine(
        self,
        scale: int,
        noise: Tensor,
        weight: float | Tensor,
        image: Tensor | None = None,
        coordinates: Tensor | Grid | None = None,
    ) -> Tensor:
        """One scale: (N, 3, H, W) of its noise map and of the image below, already enlarged to (H, W).

        Args:
            scale: Which one.
            noise: (N, C, h, w), shaped as :meth:`noise_shape` says.
            weight: The noise's amplitude.
            image: (N, 3, H, W). None: nothing below.
            coordinates: (h, w, 2), in place of the encoding's own at scale 0.
        """
        detail = in_windows(self.blocks[scale], self.block_input(scale, noise, weight, image, coordinates))
        return detail if image is None else detail + image

    def forward(
        self,
        noises: Sequence[Tensor],
        noise_weights: Sequence,
        coordinates: Tensor | Grid | None = None,
        return_all: bool = False,
        image: Tensor | None = None,
        first_scale: int = 0,
    ) -> Tensor | list[Tensor]:
        """Generate from one noise map per scale; with the fixed noises this is the reconstruction.

        Args:
            noises: (N, C, h, w) each, one for every scale from ``first_scale`` on; fewer than there
                are scales stop earlier. Their sizes are the sizes of the images.
            noise_weights: An amplitude for each noise.
            coordinates: (h, w, 2), where scale 0's noise map lies in the encoding's space, or
                its grid.
            return_all: Whether to return the images of all scales.
            image: (N, 3, H, W), any size: the image to begin with, that of scale ``first_scale - 1``.
            first_scale: The scale of the first noise.

        Returns:
            (N, 3, H, W), about [-1, 1].

        Raises:
            ValueError: If there are more noises than scales, or not a weight for each; if a noise map is too small; if
                coordinates are given to a generator that has no encoding, or do not fit the first noise map.
        """
        self._check(noises, noise_weights, coordinates, first_scale)
        images = []
        for scale, (noise, weight) in enumerate(zip(noises, noise_weights), start=first_scale):
            if image is not None:
                image = self.enlarge(image, self.image_size(noise))
            image = self.refine(scale, noise, weight, image, coordinates)
            if return_all:
                images.append(image)
        return images if return_all else image

    def _place(self, noise: Tensor, coordinates: Tensor | Grid | None) -> Tensor:
        if self.encoding is None:
            return noise.expand(-1, self.in_channels, -1, -1)
        return noise + self.encoding_weight * encode(self.encoding, tuple(noise.shape[-2:]), coordinates).to(noise)

    def _check(
        self, noises: Sequence[Tensor], noise_weights: Sequence, coordinates: Tensor | Grid | None, first_scale: int
    ) -> None:
        if not 0 < len(noises) <= len(self.blocks) - first_scale:
            raise ValueError(
                f'{len(noises)} noise maps from scale {first_scale} on for a generator of {len(self.blocks)} scales'
            )
        if len(noise_weights) < len(noises):
            raise ValueError(f'{len(noises)} noise maps but {len(noise_weights)} noise weights')
        for noise in noises:
            if any(length < 1 for length in self.image_size(noise)):
                raise ValueError(
                    f'a noise map of {tuple(noise.shape[-2:])} is too small: it has a margin of '
                    f'{self.padding.margin} on each side'
                )
        if coordinates is None:
            return
        if self.encoding is None:
            raise ValueError('coordinates need a positional encoding, and this generator has none')
        shape = (*coordinates.size, 2) if isinstance(coordinates, Grid) else tuple(coordinates.shape)
        if first_scale or shape != (*noises[0].shape[-2:], 2):
            raise ValueError(
                f'coordinates of shape {shape} do not fit the noise map of scale 0, {tuple(noises[0].shape[-2:])}'
            )


def copy_block(blocks: Sequence[ConvChain], scale: int) -> bool:
    """Start the block of ``scale`` from the weights of the one below, where they fit (SinGAN, sec. 2.3).

    Returns:
        Whether they did.

    >>> G = SinGANGenerator(num_scales=6, base_channels=4)
    >>> copy_block(G.blocks, 3), copy_block(G.blocks, 4)
    (True, False)
    """
    if scale == 0 or not blocks[scale].like(blocks[scale - 1]):
        return False
    blocks[scale].load_state_dict(blocks[scale - 1].state_dict())
    return True
