"""Where am I: each encoding is a rule that lays coordinates over a grid, and a pointwise code of coordinates.

A new encoding is a new module in this package.
"""

from mmpe.discovery import import_modules

from .cartesian import CartesianGrid
from .cosine import CosineBasis
from .encoding import Encoding, as_size, encode
from .fourier import RandomFourierFeatures
from .learnable import LearnableGrid
from .resized import ResizedEncoding
from .scale_consistent import ScaleConsistentGrid
from .sinusoidal import SinusoidalEncoding

import_modules(__name__)

__all__ = [
    'CartesianGrid',
    'CosineBasis',
    'Encoding',
    'LearnableGrid',
    'RandomFourierFeatures',
    'ResizedEncoding',
    'ScaleConsistentGrid',
    'SinusoidalEncoding',
    'as_size',
    'encode',
]
