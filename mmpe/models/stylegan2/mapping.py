"""The mapping network, from a Gaussian to a style."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..layers import EqualizedLinear


class MappingNetwork(nn.Module):
    """Normalisation, then fully connected layers with leaky ReLU (StyleGAN, section 2).

    Args:
        channels (int): Channels of z and of the style.
        num_layers (int): Number of layers.
        lr_mul (float): Factor of their learning rate.
    """

    def __init__(self, channels: int, num_layers: int = 8, lr_mul: float = 0.01):
        super().__init__()
        self.layers = nn.ModuleList(
            EqualizedLinear(channels, channels, lr_mul, activation=True) for _ in range(num_layers)
        )

    def forward(self, z: Tensor) -> Tensor:
        """Map z (N, C) to styles (N, C)."""
        x = z / (torch.linalg.vector_norm(z, dim=1, keepdim=True) / z.shape[1] ** 0.5 + 1e-6)
        for layer in self.layers:
            x = layer(x)
        return x
