"""The sliced Wasserstein distance of Progressive GAN: how similar the details of two sets of pictures are.

Karras et al. 2018, section 5: 7x7 neighbourhoods are cut out of each level of a Laplacian pyramid. They are normalized
by the mean and the standard deviation of each color channel, and then compared as two sets of points.
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
        pictures: (N, C, H, W).

    Returns:
        Levels of at least 16 pixels on each side. The last level is the remaining blurred picture.

    Raises:
        InputError: If a side of the pictures has fewer than 16 pixels.

    >>> [tuple(level.shape[-2:]) for level in laplacian_pyramid(torch.zeros(1, 3, 64, 96))]
    [(64, 96), (32, 48), (16, 24)]
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
        pictures: (N, C, H, W).
        numbers: The numbers of the N pictures. The places of the neighbourhoods depend on them alone.
        count: Number of neighbourhoods per level.

    Returns:
        (N, L, count, 7, 7, C), float16, for L levels.

    >>> pyramid_neighbourhoods(torch.zeros(2, 3, 32, 32), [0, 1], count=5).shape
    torch.Size([2, 2, 5, 7, 7, 3])
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
        a: (N, L, count, 7, 7, C), see :func:`pyramid_neighbourhoods`.
        b: (M, L, count, 7, 7, C). If one set is larger, as many of its pictures count as the smaller set has, evenly
            spaced.

    Returns:
        At least 0. It is 0 between equal sets.

    >>> pictures = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> cut_out = pyramid_neighbourhoods(pictures, range(4))
    >>> pyramid_distance(cut_out, cut_out)
    0.0
    """
    num = min(len(a), len(b))
    a, b = (x[torch.arange(num, device=x.device) * len(x) // num] for x in (a, b))
    levels = zip(a.unbind(1), b.unbind(1))
    distances = [sliced_wasserstein(_normalized(x), _normalized(y), exact=True) for x, y in levels]
    return 1000 * sum(distances) / len(distances)


def _normalized(neighbourhoods: Tensor) -> Tensor:
    points = neighbourhoods.flatten(0, 1).float()
    std, mean = torch.std_mean(points, dim=(0, 1, 2), correction=0)
    return ((points - mean) / std.clamp(min=1e-8)).flatten(1)
