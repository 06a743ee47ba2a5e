"""Pictures as the scores see them: uint8, as in files, at any size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpe.models.fitting import fitted


def quantized(images: Tensor) -> Tensor:
    """Clip images to [-1, 1] and convert them to uint8 in 0 ... 255, as they are written to files."""
    return images.float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)


def resized(pictures: Tensor, size: Sequence[int], fit: str = 'stretch') -> Tensor:
    """Resize uint8 pictures (N, C, H, W) to exactly (H', W'): bicubic, with antialiasing.

    Args:
        pictures: (N, C, H, W) uint8.
        size: (H', W').
        fit: How pictures of another aspect ratio are fitted, see :func:`mmpe.models.fitting.resize`. Bars are black.
    """
    return fitted(pictures, tuple(size), _stretched, fit, bars=0)


def _stretched(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    enlarged = F.interpolate(pictures.float(), size, mode='bicubic', align_corners=False, antialias=True)
    return enlarged.clamp(0, 255).round().to(torch.uint8)
