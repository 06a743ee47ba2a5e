"""Compare samples with the picture that they were learned from, place by place."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from mmpe.errors import InputError

_THUMBNAIL = 8


def structure(samples: Tensor, picture: Tensor) -> float:
    """How similar the layout of samples is to that of the picture; higher is closer.

    It is the mean over samples of the cosine similarity between a sample's thumbnail and the picture's thumbnail. The
    mean of each thumbnail is subtracted first. Thumbnails are 8 pixels high and have the picture's aspect ratio, but
    at least 8 columns.

    Args:
        samples: (N, C, H', W'), of any size.
        picture: (1, C, H, W).

    Returns:
        In [-1, 1]. 1: the layout is that of the picture. 0: it is unrelated. -1: it is that of the negative.

    >>> import torch
    >>> picture = torch.linspace(-1, 1, 32).expand(1, 3, 32, 32)
    >>> round(structure(picture, picture), 3), round(structure(picture.flip(3), picture), 3)
    (1.0, -1.0)
    """
    height, width = picture.shape[-2:]
    shape = _THUMBNAIL, max(_THUMBNAIL, round(_THUMBNAIL * width / height))
    return F.cosine_similarity(_thumbnails(samples, shape), _thumbnails(picture, shape)).mean().item()


def _thumbnails(images: Tensor, shape: tuple[int, int]) -> Tensor:
    small = F.adaptive_avg_pool2d(images, shape).flatten(1)
    return small - small.mean(1, keepdim=True)


def diversity(samples: Tensor, picture: Tensor) -> float:
    """How much samples differ from each other at the same place; higher is more varied.

    It is the standard deviation over samples, averaged over pixels and channels, and divided by the picture's standard
    deviation over all pixels and channels.

    Args:
        samples: (N, C, H', W'), at least two of any size.
        picture: (1, C, H, W).

    Returns:
        0 if all samples are equal. About 1 if they vary as much as a picture with shuffled pixels.

    Raises:
        InputError: If there is only one sample.

    >>> import torch
    >>> picture = torch.linspace(-1, 1, 32).expand(1, 3, 32, 32)
    >>> diversity(picture.expand(4, -1, -1, -1), picture)
    0.0
    """
    if len(samples) < 2:
        raise InputError('diversity is a spread over samples: it takes at least 2 of them')
    return (samples.std(0).mean() / picture.std()).item()


def rmse(image: Tensor, picture: Tensor) -> float:
    """The root mean square difference of two images (1, C, H, W): 0 if they are equal, at most 2 for images in [-1, 1].

    >>> import torch
    >>> rmse(torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.5))
    0.5
    """
    return F.mse_loss(image, picture).sqrt().item()


def psnr(image: Tensor, picture: Tensor) -> float:
    """The peak signal-to-noise ratio of two images of one shape in [-1, 1], in dB. Infinite if they are equal.

    >>> import torch
    >>> psnr(torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.5))  # 20 log10(2 / 0.5)
    12.04...
    """
    return decibels(F.mse_loss(image.double(), picture.double()).item())


def decibels(error: float, value_range: float = 2.0) -> float:
    """The peak signal-to-noise ratio of a mean squared error, in dB. Infinite for an error of 0."""
    return 10 * math.log10(value_range**2 / error) if error else math.inf
