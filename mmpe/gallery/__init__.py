"""The gallery: photographs of scikit-image, each trained once, and what edits make of them."""

from .making import make_gallery
from .recipe import PROFILES, RECIPE

__all__ = ['PROFILES', 'RECIPE', 'make_gallery']
