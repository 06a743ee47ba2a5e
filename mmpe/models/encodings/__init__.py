"""Where am I: each encoding is a rule that lays coordinates over a grid, and a pointwise code of coordinates."""

from .cartesian import CartesianGrid
from .encoding import Encoding, as_size
from .fourier import RandomFourierFeatures
from .learnable import LearnableGrid
from .resized import ResizedEncoding
from .scale_consistent import ScaleConsistentGrid
from .sinusoidal import SinusoidalEncoding

__all__ = [
    'CartesianGrid',
    'Encoding',
    'LearnableGrid',
    'RandomFourierFeatures',
    'ResizedEncoding',
    'ScaleConsistentGrid',
    'SinusoidalEncoding',
    'as_size',
]
