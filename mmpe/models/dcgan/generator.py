"""DCGAN's generator, with a choice of padding and head."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from mmpe.grid import Grid
from mmpe.numbers import check_whole
from mmpe.registry import MODELS

from ..doubling_generator import BASE, BaseSize, num_halvings
from ..grid_generator import GridGenerator
from ..padding import build_network_padding
from .blocks import NormBlock, check_width, initialize


@MODELS.register_module()
class ConvGenerator(GridGenerator):
    """The generator of Radford et al., "Unsupervised Representation Learning with DCGANs", ICLR 2016, figure 1.

    A head, then transposed convolutions with 4x4 kernels, each of which doubles the size; batch normalization and ReLU
    after all but the last, and tanh after that.

    Weights start as N(0, .02^2), those of batch normalization as N(1, .02^2); for these the released code has N(0, 1).

    Args:
        out_size: Side of the image for the base size ``base``, a power of 2, at least twice ``base``.
        latent_channels: Channels of a latent.
        channels: Width of the head's map; each doubling but the last halves it.
        out_channels: Channels of the image: 3, or 1 for gray.
        head: Where the first map comes from, see :mod:`mmpe.models.heads`.
        padding: What convolutions see past the border: a mode or a part of :mod:`mmpe.models.padding`. With 'none' they
            see nothing: the head's grid is one cell larger on each side, every map after it is one pixel larger
            likewise, and weights stay those of the form with padding but for the head's.
        base: Side of the first map that ``out_size`` belongs to, a power of 2. Zeros past the border change only the
            outer 2^n - 1 pixels of an image, n doublings after the head: 7 of 32 with a base of 4, 15 of 32 with a
            base of 2. Between them, an image whose cells are all alike repeats itself.

    Raises:
        InputError: If an argument cannot work.

    >>> G = ConvGenerator(out_size=16, latent_channels=6, channels=8, head=dict(type='PointwiseHead'))
    >>> G(torch.randn(2, *G.latent_shape((4, 6)))).shape
    torch.Size([2, 3, 16, 24])
    """

    def __init__(
        self,
        out_size: int = 64,
        latent_channels: int = 100,
        channels: int = 1024,
        out_channels: int = 3,
        head: dict = dict(type='mmpe.DenseHead'),  # noqa: B006
        padding: str | dict = 'zero',
        base: int = BASE,
    ):
        super().__init__()
        check_whole(1, out_channels=out_channels)
        self.out_size, self.out_channels = out_size, out_channels
        self.base = base
        below = num_halvings('base', base, least=1)
        self.num_upsamplings = num_halvings('out_size', out_size, least=2 * base) - below
        self.padding = build_network_padding(padding, radius=1)
        eaten = self.padding.eaten(3)
        check_width(channels, self.num_upsamplings - 1)
        self._build_head(head, latent_channels, channels, partial(nn.Conv2d, kernel_size=1, bias=False))
        self.norm = nn.BatchNorm2d(channels)
        # One pixel of margin stays one: of a map of n + 2, transposed convolutions of padding 2 make one of 2n + 2.
        double = partial(nn.ConvTranspose2d, kernel_size=4, stride=2)
        self.blocks = nn.Sequential()
        for _ in range(self.num_upsamplings - 1):
            conv = double(channels, channels // 2, padding=1 + eaten, bias=False)
            self.blocks.append(NormBlock(conv, nn.ReLU(inplace=True)))
            channels //= 2
        self.last = double(channels, out_channels, padding=1 + 2 * eaten)
        initialize(self)
        self.padding.set_convolutions(self)

    def forward(self, z: Tensor, base_size: BaseSize = None, coordinates: Tensor | Grid | None = None) -> Tensor:
        """Images of latents.

        Args:
            z: (N, C); or (N, C, h, w), a latent for each cell of the head's grid.
            base_size: The image is ``image_size(base_size)``; a grid also says
                what its cells are coded as. None: ``base``, or what coordinates or a map of latents say.
            coordinates: (h, w, 2) in place of the own ones of the head's encoding, or the head's
                grid, of the size that :meth:`head_size` has for the base size.

        Returns:
            (N, out_channels, H, W) in [-1, 1].

        Raises:
            InputError: If shapes or sizes do not fit, or the head has only one size.
        """
        z, size, where = self._head_inputs(z, base_size, coordinates)
        x = torch.relu_(self.norm(self.head(z, size, where)))
        return torch.tanh(self.last(self.blocks(self.padding.join(x))))
