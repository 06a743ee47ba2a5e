"""Pictures as the scores see them: uint8, as on disk, at any size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpe.models.fitting import fitted


def quantised(images: Tensor) -> Tensor:
    """Images in [-1, 1] (clipped) as uint8 in 0 ... 255, as they are written to files."""
    return images.float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)


def resized(pictures: Tensor, size: Sequence[int], fit: str = 'stretch') -> Tensor:
    """Antialiased bicubic resize of uint8 pictures (N, C, H, W) to exactly (H', W').

    Args:
        pictures: (N, C, H, W) uint8.
        size: (H', W').
        fit: What becomes of another shape, see :func:`mmpe.models.fitting.resize`; bars are black.
    """
    return fitted(pictures, tuple(size), _stretched, fit, bars=0)


def _stretched(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    enlarged = F.interpolate(pictures.float(), size, mode='bicubic', align_corners=False, antialias=True)
    return enlarged.clamp(0, 255).round().to(torch.uint8)
