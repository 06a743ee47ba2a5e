"""Scores of samples: pure functions, and MMEngine metrics that call them.

A new metric is a new module here.
"""

from mmpe.discovery import import_modules

from .aligned_details import AlignedDetails
from .face_features import AttributeNetwork, FaceFeatures
from .feature_metrics import FeatureMetrics
from .features import frechet_distance, frechet_distance_of_moments, kernel_distance, precision_recall
from .laplacian_pyramid import laplacian_pyramid, pyramid_distance, pyramid_neighbourhoods
from .layout import diversity, psnr, rmse, structure
from .network import TorchScriptFeatures, build_network
from .pyramid_metric import SlicedWasserstein
from .real_pictures import RealPictures
from .similarity import MultiScaleSimilarity, multiscale_similarity
from .single_picture import SinglePictureScores, single_picture_scores
from .texture import patch_distance, patches, sliced_wasserstein

import_modules(__name__)

__all__ = [
    'AlignedDetails',
    'AttributeNetwork',
    'FaceFeatures',
    'FeatureMetrics',
    'MultiScaleSimilarity',
    'RealPictures',
    'SinglePictureScores',
    'SlicedWasserstein',
    'TorchScriptFeatures',
    'build_network',
    'diversity',
    'frechet_distance',
    'frechet_distance_of_moments',
    'kernel_distance',
    'laplacian_pyramid',
    'multiscale_similarity',
    'patch_distance',
    'patches',
    'precision_recall',
    'psnr',
    'pyramid_distance',
    'pyramid_neighbourhoods',
    'rmse',
    'single_picture_scores',
    'sliced_wasserstein',
    'structure',
]
