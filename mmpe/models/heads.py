"""Heads: how a generator makes its first map from latents, and what that map tells about position.

A head is a part of a generator. It is built from config with the generator's ``latent_channels``, the ``channels`` and
the ``grid`` (h, w) of its map, and ``linear(in_channels, out_channels)``, which makes a 1x1 convolution of the family's
kind. Latents are (N, C), one per image, or (N, C, h, w), one per cell.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.grid import Grid, Size
from mmpe.numbers import check_whole, size_text
from mmpe.registry import MODELS

from .encodings import Encoding, encode

Linear = Callable[[int, int], nn.Module]


class Head(nn.Module, ABC):
    """The base class of heads.

    Args:
        latent_channels: Channels of a latent.
        channels: Channels of the map.
        grid: (h, w) of the map at the base size 4.
        linear: Makes a 1x1 convolution without bias.

    Attributes:
        encoding: The encoding that tells it where its cells are, if it has one.
    """

    encoding: Encoding | None

    def __init__(self, latent_channels: int, channels: int, grid: Size, linear: Linear):
        super().__init__()
        check_whole(1, latent_channels=latent_channels, channels=channels)
        self.latent_channels = latent_channels
        self.encoding = None

    @abstractmethod
    def latent_shape(self, grid: Size) -> tuple[int, ...]:
        """The shape of one image's latents, which are drawn from N(0, 1), for a grid."""

    @abstractmethod
    def forward(self, z: Tensor, grid: Size, coordinates: Tensor | Grid | None = None) -> Tensor:
        """Map latents to (N, channels, *grid). Raises InputError if the latents or the grid do not fit."""


@MODELS.register_module()
class DenseHead(Head):
    """A head with weights per cell, as in DCGAN and Progressive GAN.

    It distinguishes cells by itself, like a learned constant, and has only one size.

    Args: see :class:`Head`.

    >>> from functools import partial
    >>> linear = partial(nn.Conv2d, kernel_size=1, bias=False)
    >>> DenseHead(6, channels=8, grid=(4, 4), linear=linear)(torch.zeros(2, 6, 1, 1), (4, 4)).shape
    torch.Size([2, 8, 4, 4])
    """

    def __init__(self, latent_channels: int, channels: int, grid: Size, linear: Linear):
        super().__init__(latent_channels, channels, grid, linear)
        self.grid = tuple(grid)
        self.linear = linear(latent_channels, channels * grid[0] * grid[1])

    def latent_shape(self, grid: Size) -> tuple[int, ...]:
        """(C,), whatever the grid."""
        return (self.latent_channels,)

    def forward(self, z: Tensor, grid: Size, coordinates: Tensor | Grid | None = None) -> Tensor:
        """Map (N, C, 1, 1) to (N, channels, *grid)."""
        if coordinates is not None or tuple(grid) != self.grid or z.shape[-2:] != (1, 1):
            asked = 'coordinates' if coordinates is not None else f'a grid of {size_text(grid)}'
            raise InputError(
                f'a DenseHead has weights for a grid of {size_text(self.grid)} and one latent for all of it: '
                f'it cannot take {asked} with latents of shape {tuple(z.shape)}; give the generator head=dict('
                "type='PointwiseHead')"
            )
        return self.linear(z).flatten(1).unflatten(1, (-1, *self.grid))


@MODELS.register_module()
class PointwiseHead(Head):
    """A head with the same weights for every cell, which sees its own latent and the code of its position.

    It accepts any size. Without an encoding, and with one latent per cell, its map has the same distribution
    everywhere. This is the i.i.d. input of Xu et al., "Positional Encoding as Spatial Inductive Bias in GANs", CVPR
    2021, section 3, in which only padding can tell positions. The code of an encoding is concatenated to the latents
    (section 4).

    Args:
        encoding: Config of an encoding.
        shared_latent: Whether :meth:`latent_shape` is one latent for all cells, or one latent per cell. Cells with a
            shared latent differ in their code alone, and an image keeps its latent at every size. :meth:`forward` takes
            both.
        latent_channels, channels, grid, linear: See :class:`Head`.

    Raises:
        InputError: If the encoding cannot be built.

    >>> from functools import partial
    >>> linear = partial(nn.Conv2d, kernel_size=1, bias=False)
    >>> head = PointwiseHead(6, 8, (4, 4), linear, encoding=dict(type='CartesianGrid'))
    >>> head(torch.zeros(2, *head.latent_shape((5, 7))), (5, 7)).shape
    torch.Size([2, 8, 5, 7])
    """

    def __init__(
        self,
        latent_channels: int,
        channels: int,
        grid: Size,
        linear: Linear,
        encoding: dict | None = None,
        shared_latent: bool = False,
    ):
        super().__init__(latent_channels, channels, grid, linear)
        try:
            self.encoding = None if encoding is None else MODELS.build(encoding)
        except ValueError as error:
            raise InputError(f'encoding={encoding!r} of the head cannot work: {error}') from None
        self.shared_latent = shared_latent
        code_channels = 0 if self.encoding is None else self.encoding.out_channels
        self.linear = linear(latent_channels + code_channels, channels)

    def latent_shape(self, grid: Size) -> tuple[int, ...]:
        """(C,) or (C, *grid)."""
        return (self.latent_channels,) if self.shared_latent else (self.latent_channels, *grid)

    def forward(self, z: Tensor, grid: Size, coordinates: Tensor | Grid | None = None) -> Tensor:
        """Map (N, C, 1, 1) or (N, C, *grid) to (N, channels, *grid)."""
        if z.shape[-2:] == (1, 1):
            z = z.expand(-1, -1, *grid)
        if tuple(z.shape[-2:]) != tuple(grid):
            raise InputError(
                f'latents of shape {tuple(z.shape)} do not fit: the grid here is {tuple(grid)}, so they must be '
                f'{(len(z), self.latent_channels)} or {(len(z), self.latent_channels, *grid)}'
            )
        if self.encoding is None:
            if coordinates is not None:
                raise InputError('coordinates need a head with an encoding, such as dict(type="CartesianGrid")')
            return self.linear(z)
        code = encode(self.encoding, grid, coordinates).to(z)
        return self.linear(torch.cat((z, code.expand(len(z), -1, -1, -1)), 1))
