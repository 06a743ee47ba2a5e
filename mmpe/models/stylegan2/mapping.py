"""The mapping network, from a Gaussian to a style."""

from __future__ import annotations

from torch import Tensor, nn

from mmpe.numbers import check_above, check_whole

from ..layers import EqualizedLinear, pixel_norm

_MOST_LAYERS = 256


class MappingNetwork(nn.Module):
    """Normalization, then fully connected layers with leaky ReLU (StyleGAN, section 2).

    Args:
        channels: Channels of z and of the style.
        num_layers: Number of layers.
        lr_mul: Factor of their learning rate.

    Raises:
        InputError: If there is no channel or no layer.

    >>> import torch
    >>> MappingNetwork(channels=8, num_layers=2)(torch.randn(2, 8)).shape
    torch.Size([2, 8])
    """

    def __init__(self, channels: int, num_layers: int = 8, lr_mul: float = 0.01):
        super().__init__()
        check_whole(1, style_channels=channels)
        check_whole(1, _MOST_LAYERS, num_mapping_layers=num_layers)
        check_above(0, mapping_lr=lr_mul)
        self.layers = nn.ModuleList(
            EqualizedLinear(channels, channels, lr_mul, activation=True) for _ in range(num_layers)
        )

    def forward(self, z: Tensor) -> Tensor:
        """Map z (N, C) to styles (N, C)."""
        x = pixel_norm(z)
        for layer in self.layers:
            x = layer(x)
        return x
