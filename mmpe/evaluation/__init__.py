"""How good samples are: pure functions, and MMEngine metrics made of them."""

from .layout import diversity, rmse, structure
from .single_picture import SinglePictureScores, single_picture_scores
from .texture import patch_distance, patches, sliced_wasserstein

__all__ = [
    'SinglePictureScores',
    'diversity',
    'patch_distance',
    'patches',
    'rmse',
    'single_picture_scores',
    'sliced_wasserstein',
    'structure',
]
