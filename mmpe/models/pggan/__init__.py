"""Progressive GAN, with a choice of padding and head."""

from .discriminator import GrowingDiscriminator
from .generator import GrowingGenerator
from .model import PGGANModel

__all__ = ['GrowingDiscriminator', 'GrowingGenerator', 'PGGANModel']
