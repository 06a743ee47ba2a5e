"""The two-dimensional sinusoidal encoding."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mmpe.errors import InputError
from mmpe.numbers import check_real, check_whole, given
from mmpe.registry import MODELS

from .encoding import Encoding

_FARTHEST = 2**24  # beyond it float32 does not tell neighbouring cells apart


@MODELS.register_module()
class SinusoidalEncoding(Encoding):
    """Sines and cosines of a cell's position, counted in cells, at geometrically spaced frequencies (SPE).

    With D = ``embedding_dim``, D channels for x, then D for y, each e(p) = [sin(p w_0), .., cos(p w_0), ..] with
    w_k = 10000^(-k / (D/2 - 1)), so values are in [-1, 1]. Positions count from 1 at the top left: at a larger size the
    space extends to the right and down, and the old part stays unchanged. With a ``center`` it extends on all sides.
    Any size and any real position will do; there is no table to outgrow.

    From Xu et al., "Positional Encoding as Spatial Inductive Bias in GANs", CVPR 2021, after Vaswani et al., "Attention
    Is All You Need", NeurIPS 2017, section 3.5.

    Args:
        embedding_dim: Channels an axis, D: even, at least 2. ``out_channels`` is 2D.
        div_half_dim: Space the frequencies by -k / (D/2) as Vaswani et al. do, instead of -k / (D/2 - 1).
        center: Position of the central cell (of an even number, the last of the left or upper half), whatever the
            size. None counts from 1.

    Raises:
        ValueError: If ``embedding_dim`` is odd or less than 2.

    >>> encoding = SinusoidalEncoding(embedding_dim=4, center=200)
    >>> encoding((3, 5)).shape
    torch.Size([1, 8, 3, 5])
    >>> encoding.coordinates((3, 5))[1, 2].tolist()
    [200.0, 200.0]
    """

    def __init__(self, embedding_dim: int, div_half_dim: bool = False, center: float | None = None):
        check_whole(2, embedding_dim=embedding_dim)
        if embedding_dim % 2:
            raise InputError(f'embedding_dim must be even and at least 2, got {embedding_dim}')
        check_real(-_FARTHEST, _FARTHEST, **given(center=center))
        super().__init__()
        self.out_channels = 2 * embedding_dim
        self.embedding_dim = embedding_dim
        self.div_half_dim = div_half_dim
        self.center = center

    def axis(self, index: Tensor, count: int) -> Tensor:
        """Number cells from 1, or so that the central one is ``center``."""
        first = 1 if self.center is None else self.center + 1 - (count + 1) // 2
        return index + first

    def code(self, coordinates: Tensor) -> Tensor:
        """Code (..., 2) points by the waves of x, then those of y, as (2D, ...)."""
        return torch.cat([self.waves(positions) for positions in coordinates.unbind(-1)])

    def waves(self, positions: Tensor) -> Tensor:
        """Code positions on one axis: of shape (...), as (D, ...) in [-1, 1]."""
        phase = positions[..., None] * self._frequencies()
        return torch.cat((phase.sin(), phase.cos()), dim=-1).movedim(-1, 0)

    def _frequencies(self) -> Tensor:
        half = self.embedding_dim // 2
        # D = 2 has the one frequency 1, which any positive divisor gives.
        steps = half if self.div_half_dim else max(half - 1, 1)
        return torch.exp(self._precise(torch.arange(half, device=self._like.device)) * (-math.log(10000) / steps))
