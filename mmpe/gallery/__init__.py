"""The gallery: scikit-image's photographs, on each of which a SinGAN is trained, and the edits of them."""

from .making import make_gallery
from .recipe import PROFILES, RECIPE

__all__ = ['PROFILES', 'RECIPE', 'make_gallery']
