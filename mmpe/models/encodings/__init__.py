"""Where am I: each encoding is a rule that lays coordinates over a grid, and a pointwise code of coordinates."""

from .cartesian import CartesianGrid
from .encoding import Encoding, as_size
from .fourier import RandomFourierFeatures
from .learnable import LearnableGrid
from .scale_consistent import ScaleConsistentGrid
from .sinusoidal import SinusoidalEncoding

__all__ = [
    'CartesianGrid',
    'Encoding',
    'LearnableGrid',
    'RandomFourierFeatures',
    'ScaleConsistentGrid',
    'SinusoidalEncoding',
    'as_size',
]
