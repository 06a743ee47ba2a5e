"""The image pyramid that a single-picture model is trained on."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.numbers import check_whole, is_real, shown, size_text

LEAST_SIDE = 2
"""Short side of the coarsest scale: one pixel has no statistics to normalize by, and no place."""


def pyramid_sizes(size: Size, min_size: int, max_size: int, factor: float) -> list[Size]:
    """Sizes of all scales, coarse to fine (SinGAN, sec. 2).

    The picture is first scaled down until its long side is ``max_size`` at most. The number of steps from there to a
    short side of ``min_size`` is the least that keeps each step at ``factor`` or gentler.

    Args:
        size: (H, W) of the picture, in pixels.
        min_size: Short side of the coarsest scale, in pixels.
        max_size: Long side of the finest scale, in pixels.
        factor: Ratio of one scale to the next finer one, in (0, 1); the actual ratio is at least this.

    Returns:
        (H, W) of every scale.

    Raises:
        InputError: If the values contradict each other, or the picture is smaller than ``min_size``.
    """
    if not is_real(factor) or not 0 < factor < 1:
        raise InputError(f'the factor from scale to scale must lie between 0 and 1, got {shown(factor)}')
    check_whole(LEAST_SIDE, min_size=min_size)
    check_whole(min_size, max_size=max_size)
    if min(size) < min_size:
        raise InputError(
            f'the picture is {size_text(size)} pixels, smaller than min_size={min_size}: give a larger '
            'picture or a smaller min_size'
        )
    finest = _scale(size, min(1, max_size / max(size)))
    if min(finest) < min_size:
        raise InputError(
            f'at max_size={max_size} the picture would be {size_text(finest)} pixels, smaller than '
            f'min_size={min_size}: give a larger max_size or a smaller min_size'
        )
    shrink = min_size / min(finest)
    steps = math.ceil(math.log(shrink) / math.log(factor) - 1e-9) + 1 if shrink < 1 else 0
    if steps > max(finest):
        raise InputError(
            f'a factor of {factor} from scale to scale takes {steps + 1} scales, and {size_text(finest)} pixels do not '
            'have as many sizes: give a smaller one, such as 0.75'
        )
    return [_scale(finest, shrink ** ((steps - i) / steps)) for i in range(steps)] + [finest]


def resize(picture: Tensor, size: Size) -> Tensor:
    """Antialiased bicubic resize of (N, 3, H, W) in [-1, 1], which it stays in."""
    if tuple(picture.shape[-2:]) == tuple(size):
        return picture
    return F.interpolate(picture, size, mode='bicubic', align_corners=False, antialias=True).clamp(-1, 1)


def _scale(size: Size, ratio: float) -> Size:
    return tuple(int(n * ratio + 0.5) for n in size)
