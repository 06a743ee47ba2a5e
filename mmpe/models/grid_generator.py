"""Generators whose first map a head makes of latents."""

from __future__ import annotations

from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Grid, Size
from mmpe.numbers import check_whole
from mmpe.registry import MODELS

from .doubling_generator import BaseSize, DoublingGenerator
from .heads import Linear


class GridGenerator(DoublingGenerator):
    """What DCGAN's and Progressive GAN's generators share: latents, head and sizes.

    Attributes:
        latent_channels: Channels of a latent.
        head: Makes the first map, a :class:`~mmpe.models.heads.Head`.
    """

    def _build_head(self, head: dict, latent_channels: int, channels: int, linear: Linear) -> None:
        check_whole(1, latent_channels=latent_channels)
        self.latent_channels = latent_channels
        grid = self.head_size()
        parts = dict(latent_channels=latent_channels, channels=channels, grid=grid, linear=linear)
        self.head = MODELS.build(dict(head, **parts))

    def latent_shape(self, base_size: BaseSize = None) -> tuple[int, ...]:
        """The shape of what is drawn from N(0, 1) for one image of a base size; None is ``base``."""
        return self.head.latent_shape(self.head_size(base_size))

    def _head_inputs(
        self, z: Tensor, base_size: BaseSize, coordinates: Tensor | Grid | None
    ) -> tuple[Tensor, Size, Tensor | Grid | None]:
        """Latents (N, C, 1, 1) or (N, C, h, w), the size (h, w) of the head's grid, and where its cells look.

        A map of latents says its size itself, where nothing else does.
        """
        if z.ndim not in (2, 4) or z.shape[1] != self.latent_channels or min(z.shape[2:], default=1) < 1:
            raise InputError(
                f'latents of shape {tuple(z.shape)} do not fit: they must be (N, {self.latent_channels}) '
                f'or (N, {self.latent_channels}, h, w)'
            )
        z = z[..., None, None] if z.ndim == 2 else z
        if base_size is None and coordinates is None and z.shape[-2:] != (1, 1):
            if min(z.shape[-2:]) <= self.head_margin:
                raise InputError(
                    f'latents of shape {tuple(z.shape)} do not fit: a map of them must be larger than '
                    f'{self.head_margin} cells on each axis, as many as the convolutions without padding eat'
                )
            return z, tuple(z.shape[-2:]), None
        base, where = self._where(base_size, coordinates)
        return z, self.head_size(base), where
