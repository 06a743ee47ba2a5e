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
    """The sizes of all scales, coarse to fine (SinGAN, sec. 2).

    The picture is first scaled down until its long side is at most ``max_size``. From there to a short side of
    ``min_size``, there is one step more than steps of ratio ``factor`` would take, as in SinGAN's code. All steps have
    the same ratio.

    Args:
        size: (height, width) of the picture, in pixels.
        min_size: Short side of the coarsest scale, in pixels.
        max_size: Long side of the finest scale, in pixels.
        factor: A bound below the ratio of one scale to the next finer one, in (0, 1).

    Returns:
        (height, width) of every scale.

    Raises:
        InputError: If the values contradict each other, or the picture is smaller than ``min_size``.

    >>> pyramid_sizes((427, 640), min_size=25, max_size=64, factor=0.75)
    [(25, 37), (30, 45), (36, 53), (43, 64)]
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
    """Resize pictures bicubically, with antialiasing.

    Args:
        picture: (N, 3, H, W) in [-1, 1].
        size: (height, width) of the result.

    Returns:
        (N, 3, height, width), clipped to [-1, 1].

    >>> import torch
    >>> resize(torch.zeros(1, 3, 64, 96), (32, 48)).shape
    torch.Size([1, 3, 32, 48])
    """
    if tuple(picture.shape[-2:]) == tuple(size):
        return picture
    return F.interpolate(picture, size, mode='bicubic', align_corners=False, antialias=True).clamp(-1, 1)


def _scale(size: Size, ratio: float) -> Size:
    return tuple(int(n * ratio + 0.5) for n in size)
