"""Data sets, and the order in which they are seen. A new module is found by itself."""

from mmpe.discovery import import_modules

from .buckets import BucketBatchSampler, BucketedDataset
from .drawn_faces import DrawnFaces
from .growing_batches import GrowingBatchSampler
from .image_pyramid import pyramid_sizes, resize
from .picture_files import PictureError, read_picture
from .picture_folder import PictureFolder
from .sample_numbers import SampleNumbers, SampleRequest
from .sampler import FollowingBatchSampler, ResumableSampler
from .singan_dataset import SinGANDataset

import_modules(__name__)

__all__ = [
    'BucketBatchSampler',
    'BucketedDataset',
    'DrawnFaces',
    'FollowingBatchSampler',
    'GrowingBatchSampler',
    'PictureError',
    'PictureFolder',
    'ResumableSampler',
    'SampleNumbers',
    'SampleRequest',
    'SinGANDataset',
    'pyramid_sizes',
    'read_picture',
    'resize',
]

import_modules(__name__)
