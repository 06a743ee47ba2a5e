"""How samples lie over the picture that they were learned from, place by place."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from mmpe.errors import InputError

_THUMBNAIL = 8


def structure(samples: Tensor, picture: Tensor) -> float:
    """Whether samples lay things out as the picture does; higher is closer to it.

    The mean over samples of the cosine similarity between a sample's thumbnail and the picture's, both without their
    mean. Thumbnails are 8 pixels high, and wide as the picture's shape asks, at least 8.

    Args:
        samples: (N, C, H', W'), of any size.
        picture: (1, C, H, W).

    Returns:
        In [-1, 1]. 1: everything is where it is in the picture; 0: anywhere; -1: as in its negative.

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
    """How much samples differ from each other at a place; higher is more varied.

    The standard deviation over samples, mean over pixels and channels, in units of the picture's own standard deviation
    over all of its pixels and channels.

    Args:
        samples: (N, C, H', W'), of any size, at least two.
        picture: (1, C, H, W).

    Returns:
        From 0, all samples are the same, to about 1, each pixel is as free as in a shuffled picture.

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
    """Root of the mean squared difference of two images (1, C, H, W); 0 is perfect, and the range of [-1, 1] is 2.

    >>> import torch
    >>> rmse(torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.5))
    0.5
    """
    return F.mse_loss(image, picture).sqrt().item()


def psnr(image: Tensor, picture: Tensor) -> float:
    """Peak signal-to-noise ratio of two images of one shape in [-1, 1], in dB; infinite if they are equal.

    >>> import torch
    >>> psnr(torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.5))  # 20 log10(2 / 0.5)
    12.04...
    """
    return decibels(F.mse_loss(image.double(), picture.double()).item())


def decibels(error: float, value_range: float = 2.0) -> float:
    """A mean squared error as a peak signal-to-noise ratio; infinite for none."""
    return 10 * math.log10(value_range**2 / error) if error else math.inf
