"""Texture: the patches of images, and the distance between two sets of patches."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_LEVELS = torch.arange(1, 256) / 256
_MOST_PATCHES = 20000
_MOST_AT_ONCE = 2**24


def patches(images: Tensor, side: int, stride: int = 1, at_most: int | None = None) -> Tensor:
    """The square patches of images, one per row.

    Args:
        images: (N, C, H, W).
        side: The side of a patch, in pixels.
        stride: The distance from one patch to the next, in pixels.
        at_most: If there are more patches, a fixed random choice of this many is returned.

    Returns:
        (number of patches, C * side * side).

    >>> patches(torch.zeros(2, 3, 8, 8), side=3).shape
    torch.Size([72, 27])
    """
    windows = images.unfold(2, side, stride).unfold(3, side, stride).movedim(1, 3)
    places = windows.shape[:3]
    if at_most is not None and places.numel() > at_most:
        chosen = torch.randperm(places.numel(), generator=torch.Generator().manual_seed(0))[:at_most]
        windows = windows[np.unravel_index(chosen.numpy(), places)]
    return windows.reshape(-1, images.shape[1] * side * side)


def sliced_wasserstein(a: Tensor, b: Tensor, projections: int = 512, seed: int = 0, exact: bool = False) -> float:
    """Sliced Wasserstein-1 distance between two sets of points; lower is closer, 0 only between equal distributions.

    Both sets are projected onto random directions. The distance along a direction is the mean absolute difference
    between the quantiles at 1/256 ... 255/256, or between the sorted points. The result is the mean over directions.

    Args:
        a: (P, D).
        b: (Q, D). P and Q may differ, unless ``exact`` is set.
        projections: Number of directions.
        seed: Seed of the directions. Only distances with the same seed can be compared.
        exact: Compare the sorted points instead of quantiles, for two sets of the same size.

    Returns:
        The distance in the units of the points.

    >>> points = torch.randn(500, 1, generator=torch.Generator().manual_seed(0))
    >>> round(sliced_wasserstein(points, points + 2), 3)
    2.0
    """
    directions = torch.randn(a.shape[1], projections, generator=torch.Generator().manual_seed(seed))
    directions = (directions / directions.norm(dim=0)).to(a)
    levels = _LEVELS.to(a)
    # sorting all projections of a large set at once would take gigabytes
    at_once = max(1, _MOST_AT_ONCE // max(len(a), len(b)))

    def seen_from(some: Tensor, points: Tensor) -> Tensor:
        in_order = _in_order(points @ some)
        return in_order if exact else _quantiles(in_order, levels)

    distances = [(seen_from(some, a) - seen_from(some, b)).abs().mean(0) for some in directions.split(at_once, dim=1)]
    return torch.cat(distances).mean().item()


def _in_order(columns: Tensor) -> Tensor:
    """Columns, each sorted. On a CPU NumPy does it in a quarter of PyTorch's time."""
    columns = columns.detach()
    if columns.device.type == 'cpu' and columns.dtype != torch.bfloat16:  # which NumPy does not have
        return torch.from_numpy(np.sort(columns.numpy(), axis=0))
    return columns.sort(dim=0).values


def _quantiles(in_order: Tensor, levels: Tensor) -> Tensor:
    """Those of sorted columns (P, N) at each level, (levels, N), to the bit as :func:`torch.quantile` has them."""
    ranks = levels * (len(in_order) - 1)
    below = ranks.long()
    quantiles = in_order[below].lerp(in_order[ranks.ceil().long()], (ranks - below)[:, None])
    return quantiles.masked_fill(in_order[-1].isnan(), torch.nan)  # which is sorted behind all numbers


def patch_distance(samples: Tensor, picture: Tensor, side: int, shrink: int = 1) -> float:
    """Sliced Wasserstein distance between the patches of samples and those of a picture; lower is closer.

    It measures texture and detail, but not where they are: it stays small if the parts of a picture are shuffled. All
    patches of the picture count. Of the samples at most 20000 patches count, and at full size only every second one
    along each axis.

    Args:
        samples: (N, C, H', W'), of any size.
        picture: (1, C, H, W).
        side: The side of a patch, in pixels.
        shrink: The factor by which images are downsampled first, so that patches cover larger structures.

    Returns:
        At least 0, in the units of the images. A change of all pixels by d gives about .8 d.

    >>> picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> patch_distance(picture.flip(3), picture, side=1) < 0.05 < patch_distance(picture + 1, picture, side=1)
    True
    """
    samples, picture = F.avg_pool2d(samples, shrink), F.avg_pool2d(picture, shrink)
    stride = 2 if shrink == 1 else 1
    return sliced_wasserstein(patches(samples, side, stride, _MOST_PATCHES), patches(picture, side))
