"""Data sets."""

from .pictures import read_picture
from .pyramid import pyramid_sizes, resize
from .singan_dataset import SinGANDataset

__all__ = ['SinGANDataset', 'pyramid_sizes', 'read_picture', 'resize']
