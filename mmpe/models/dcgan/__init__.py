"""DCGAN, with a choice of padding and head."""

from .discriminator import ConvDiscriminator
from .generator import ConvGenerator
from .model import DCGANModel

__all__ = ['ConvDiscriminator', 'ConvGenerator', 'DCGANModel']
