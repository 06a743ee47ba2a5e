"""What style-based networks are made of."""

from .convolution import Conv2d, ConvTranspose2d, FastConv2d, convolve
from .equalized import EqualizedConv2d, EqualizedLinear, full_precision, leaky_relu_
from .fast_norm import normalize
from .faster_on_cpu import pytorch_layers
from .filters import Blur, EnlargeImage, binomial_filter, upfirdn2d
from .half_precision import float16, limited
from .minibatch_stddev import minibatch_stddev
from .modulated import ModulatedConv, ScaledMap, StyledConv, ToRGB, demodulate
from .pixel_norm import pixel_norm
from .pooling import average_cells
from .product_map import ProductMap, convolve_products

__all__ = [
    'Blur',
    'Conv2d',
    'ConvTranspose2d',
    'EnlargeImage',
    'EqualizedConv2d',
    'EqualizedLinear',
    'FastConv2d',
    'ModulatedConv',
    'ProductMap',
    'ScaledMap',
    'StyledConv',
    'ToRGB',
    'average_cells',
    'binomial_filter',
    'convolve',
    'convolve_products',
    'demodulate',
    'float16',
    'full_precision',
    'leaky_relu_',
    'limited',
    'minibatch_stddev',
    'normalize',
    'pixel_norm',
    'pytorch_layers',
    'upfirdn2d',
]
