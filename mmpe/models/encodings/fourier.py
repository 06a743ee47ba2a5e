"""Random Fourier features."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mmpe.numbers import MOST_SEED, check_above, check_whole
from mmpe.registry import MODELS

from .cartesian import CartesianGrid


@MODELS.register_module()
class RandomFourierFeatures(CartesianGrid):
    """Cosines and sines of Cartesian coordinates along random directions.

    e(v) = [cos(2 pi B v), sin(2 pi B v)], in [-1, 1], with F = ``num_features`` rows in B, each entry drawn once from
    N(0, ``scale``^2). From Tancik et al., "Fourier Features Let Networks Learn High Frequency Functions in Low
    Dimensional Domains", NeurIPS 2020 (Gaussian mapping).

    Args:
        num_features: Rows of B. ``out_channels`` is 2F.
        scale: Standard deviation of the frequencies in cycles per unit of v. v runs over [-1, 1], so a frequency of 1
            makes two cycles across the grid. (Tancik et al. have v in [0, 1), where the same features need twice the
            scale.)
        seed: Seed of B, which neither reads nor moves PyTorch's global generator.

    Attributes:
        frequencies: B, a buffer of shape (F, 2) that is saved with the module.

    Raises:
        ValueError: If ``num_features`` or ``scale`` is not positive.

    >>> RandomFourierFeatures(num_features=16, scale=2)((4, 6)).shape
    torch.Size([1, 32, 4, 6])
    """

    def __init__(self, num_features: int, scale: float = 1.0, seed: int = 0):
        check_whole(1, num_features=num_features)
        check_above(0, scale=scale)
        check_whole(0, MOST_SEED, seed=seed)
        super().__init__()
        self.out_channels = 2 * num_features
        generator = torch.Generator().manual_seed(seed)
        self.register_buffer('frequencies', scale * torch.randn(num_features, 2, generator=generator, device='cpu'))

    def code(self, coordinates: Tensor) -> Tensor:
        """Code (..., 2) points by F cosines, then F sines, as (2F, ...)."""
        # A product and a sum, not a matrix product: autocast and TF32 would round the phase of that one.
        cycles = (coordinates[..., None, :] * self.frequencies.to(self._precision)).sum(-1)
        phase = 2 * math.pi * cycles
        return torch.cat((phase.cos(), phase.sin()), dim=-1).movedim(-1, 0)
