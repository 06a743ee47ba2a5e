"""What DCGAN's two networks are made of."""

from __future__ import annotations

from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.numbers import check_whole

WEIGHT_DEVIATION = 0.02


class NormBlock(nn.Module):
    """A convolution, batch normalization and an activation.

    Args:
        conv: The convolution.
        activation: The activation.
    """

    def __init__(self, conv: nn.Module, activation: nn.Module):
        super().__init__()
        self.conv = conv
        self.norm = nn.BatchNorm2d(conv.out_channels)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H', W')."""
        return self.activation(self.norm(self.conv(x)))


def initialize(network: nn.Module) -> None:
    """Draw weights as Radford et al. do, around 0 and, where they scale what is normalized, around 1."""
    for part in network.modules():
        if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(part.weight, std=WEIGHT_DEVIATION)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.weight, mean=1, std=WEIGHT_DEVIATION)


def check_width(channels: int, halvings: int) -> None:
    """Raise :class:`InputError` if a number of channels cannot be halved so often."""
    check_whole(1, channels=channels)
    if channels % 2**halvings:
        raise InputError(
            f'channels={channels} cannot work: it is halved {halvings} times, so it must be a multiple of {2**halvings}'
        )
