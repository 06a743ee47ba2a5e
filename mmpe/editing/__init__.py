"""Editing the picture that a SinGAN was trained on."""

from .edited import Edited
from .masks import blend, box_mask, dilate, fit, read_mask, soften

__all__ = ['Edited', 'blend', 'box_mask', 'dilate', 'fit', 'read_mask', 'soften']
