"""The sliced Wasserstein distance of Progressive GAN: how alike the details of two sets of pictures are, size by size.

Karras et al. 2018, section 5: 7x7 neighbourhoods are cut out of each level of a Laplacian pyramid, normalised by the
mean and the deviation of each color channel, and compared as two sets of points.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpe.errors import InputError
from mmpe.numbers import size_text
from mmpe.random_numbers import random_generator

from .texture import sliced_wasserstein

_SIDE, _SMALLEST_LEVEL = 7, 16
_BINOMIAL = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16


def laplacian_pyramid(pictures: Tensor) -> list[Tensor]:
    """Levels of detail, fine to coarse, each half the size of the one before.

    Args:
        pictures (Tensor): (N, C, H, W).

    Returns:
        list[Tensor]: As long as no side is under 16 pixels; the last one is what remains.

    Raises:
        InputError: If the pictures are smaller than that.
    """
    if min(pictures.shape[-2:]) < _SMALLEST_LEVEL:
        height, width = pictures.shape[-2:]
        raise InputError(
            f'a pyramid begins at {_SMALLEST_LEVEL} pixels, and the pictures are {size_text((height, width))}'
        )
    levels = []
    while min(pictures.shape[-2:]) >= 2 * _SMALLEST_LEVEL - 1:
        smaller = _blur(pictures)[..., ::2, ::2]
        levels.append(pictures - _enlarge(smaller, pictures.shape[-2:]))
        pictures = smaller
    return [*levels, pictures]


def _blur(pictures: Tensor) -> Tensor:
    channels, weight = pictures.shape[1], _BINOMIAL.to(pictures)
    kernel = torch.outer(weight, weight).expand(channels, 1, 5, 5)
    return F.conv2d(F.pad(pictures, (2, 2, 2, 2), 'reflect'), kernel, groups=channels)


def _enlarge(pictures: Tensor, size: Sequence[int]) -> Tensor:
    spread = pictures.new_zeros(*pictures.shape[:2], *size)
    spread[..., ::2, ::2] = pictures
    return 4 * _blur(spread)


def pyramid_neighbourhoods(pictures: Tensor, numbers: Sequence[int], count: int = 128) -> Tensor:
    """Random 7x7 neighbourhoods of each level of each picture.

    Args:
        pictures (Tensor): (N, C, H, W).
        numbers (Sequence[int]): N numbers, of which alone it depends where the neighbourhoods lie.
        count (int): How many of each level.

    Returns:
        Tensor: (N, L, count, 7, 7, C), float16, L levels.
    """
    generators = [random_generator('neighbourhoods of a pyramid', number) for number in numbers]
    levels = [_cut_out(level, generators, count) for level in laplacian_pyramid(pictures.float())]
    return torch.stack(levels, dim=1)


def _cut_out(level: Tensor, generators: Sequence[torch.Generator], count: int) -> Tensor:
    def starts(length: int) -> Tensor:
        drawn = [torch.randint(length - _SIDE + 1, (count,), generator=generator) for generator in generators]
        return torch.stack(drawn)[..., None] + torch.arange(_SIDE)

    rows, columns = (starts(length).to(level.device) for length in level.shape[-2:])
    pictures = torch.arange(len(level), device=level.device)[:, None, None, None]
    return level.movedim(1, -1)[pictures, rows[..., :, None], columns[..., None, :]].half()


def pyramid_distance(a: Tensor, b: Tensor) -> float:
    """Sliced Wasserstein distance between two sets of neighbourhoods, mean over levels, times 1000; lower is closer.

    Args:
        a (Tensor): (N, L, count, 7, 7, C), see :func:`pyramid_neighbourhoods`.
        b (Tensor): (M, L, count, 7, 7, C); of the larger set as many pictures count as the smaller one has, evenly
            spread.

    Returns:
        float: At least 0; 0 between equal sets.
    """
    num = min(len(a), len(b))
    a, b = (x[torch.arange(num, device=x.device) * len(x) // num] for x in (a, b))
    levels = zip(a.unbind(1), b.unbind(1))
    distances = [sliced_wasserstein(_normalised(x), _normalised(y), exact=True) for x, y in levels]
    return 1000 * sum(distances) / len(distances)


def _normalised(neighbourhoods: Tensor) -> Tensor:
    points = neighbourhoods.flatten(0, 1).float()
    std, mean = torch.std_mean(points, dim=(0, 1, 2), correction=0)
    return ((points - mean) / std.clamp(min=1e-8)).flatten(1)
