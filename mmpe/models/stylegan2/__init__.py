"""StyleGAN2 and MS-PIE: a generator told where it is, at any size."""

from .discriminator import StyleDiscriminator
from .generator import StyleGenerator
from .model import StyleGAN2Model
from .upsampling import BilinearThenConv, ConvThenBilinear, TransposedConvBlur

__all__ = [
    'BilinearThenConv',
    'ConvThenBilinear',
    'StyleDiscriminator',
    'StyleGAN2Model',
    'StyleGenerator',
    'TransposedConvBlur',
]
