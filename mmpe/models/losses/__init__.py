"""Losses: pure functions, and the parts over them that a config names.

A new loss is a module here, with a registered :class:`Loss`.
"""

from mmpe.discovery import import_modules

from .batches import DiscriminatorBatch, GeneratorBatch, PictureBatch, StyleBatch
from .color_statistics import color_statistics_loss, color_stats
from .loss import Loss, Term
from .losses import Losses
from .non_saturating import non_saturating
from .path_length import path_length_penalty, path_lengths
from .r1 import r1_penalty
from .relativistic import relativistic
from .scale_consistency import scale_consistency
from .wasserstein import drift, wasserstein
from .wgan_gp import gradient_penalty, image_gradient_penalty, mix

import_modules(__name__)

__all__ = [
    'DiscriminatorBatch',
    'GeneratorBatch',
    'Loss',
    'Losses',
    'PictureBatch',
    'StyleBatch',
    'Term',
    'color_statistics_loss',
    'color_stats',
    'drift',
    'gradient_penalty',
    'image_gradient_penalty',
    'mix',
    'non_saturating',
    'path_length_penalty',
    'path_lengths',
    'r1_penalty',
    'relativistic',
    'scale_consistency',
    'wasserstein',
]
