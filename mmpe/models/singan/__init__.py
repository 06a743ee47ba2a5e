"""SinGAN: a generative model of one picture."""

from . import borders
from .discriminator import SinGANDiscriminator
from .generator import SinGANGenerator
from .model import SinGANModel
from .sampler import SinGANSampler

__all__ = ['SinGANDiscriminator', 'SinGANGenerator', 'SinGANModel', 'SinGANSampler', 'borders']
