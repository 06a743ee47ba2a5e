"""Losses, as functions."""

from .colour import colour_pull, colours
from .non_saturating import non_saturating
from .path_length import path_length_penalty, path_lengths
from .r1 import r1_penalty
from .wgan_gp import gradient_penalty, mix

__all__ = [
    'colour_pull',
    'colours',
    'gradient_penalty',
    'mix',
    'non_saturating',
    'path_length_penalty',
    'path_lengths',
    'r1_penalty',
]
