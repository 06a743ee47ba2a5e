"""SinGAN: a generative model of one picture."""

from .discriminator import SinGANDiscriminator
from .generator import SinGANGenerator
from .model import SinGANModel
from .sampler import SinGANSampler

__all__ = ['SinGANDiscriminator', 'SinGANGenerator', 'SinGANModel', 'SinGANSampler']
