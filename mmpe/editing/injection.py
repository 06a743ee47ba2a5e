"""Injection: a picture takes the place of the image below a scale, and the scales from there on refine it.

All of SinGAN's applications rest on it (SinGAN, sec. 4). A coarse scale makes most of the picture anew; a fine scale
keeps its layout and gives it the photograph's texture.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmpe.datasets.image_pyramid import resize
from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.models.sampled import check_memory
from mmpe.models.singan import SinGANSampler
from mmpe.numbers import check_real, is_whole, shown
from mmpe.progress import tracked
from mmpe.random_numbers import check_draws, random_generator

from .masks import fit

MOST_TIMES = 1000
"""The largest factor of noise, detail or size that an edit has a use for."""


@torch.no_grad()
def inject(
    model: SinGANSampler,
    picture: Tensor,
    start_scale: int,
    num: int = 1,
    seed: int = 0,
    size: Size | None = None,
    noise: float = 1.0,
    name: str = 'the picture',
) -> Tensor:
    """Refine a picture from a scale on.

    The reconstruction of the scales below, injected at their size, gives the images of :meth:`SinGANSampler.sample`;
    without noise it gives the reconstruction. Both hold to the bit.

    Args:
        model: Trained.
        picture: (1, 3, H, W) in [-1, 1], of any size. It is scaled, antialiased, to that of the scale below
            ``start_scale``.
        start_scale: The first scale that refines it, at least 1.
        num: Number of images.
        seed: Of the noise, at least 0; image number i depends on the seed and i alone.
        size: (height, width) of the images; None: the trained picture's.
        noise: Factor of the trained noise amplitudes; 0: no noise, so all images are the same.
        name: What an error calls the picture.

    Returns:
        (num, 3, H, W), about [-1, 1].

    Raises:
        InputError: If there is no scale below the start scale, the picture's shape is not that of the images, or the
            size is too small, or too large for memory.

    >>> from mmpe.editing.example import example_singan
    >>> model = example_singan()
    >>> inject(model, model.picture, start_scale=1, num=2).shape
    torch.Size([2, 3, 24, 32])
    """
    _check(model, start_scale, noise)
    check_draws(num, seed)
    sizes = model.scaled_sizes(size)
    check_memory(model, sizes[-1], num)
    if tuple(picture.shape[-2:]) != sizes[start_scale - 1]:
        picture = resize(fit(picture, sizes[-1], name), sizes[start_scale - 1])
    picture = picture.to(model.fixed_noise)
    weights = model.noise_weights[start_scale:] * noise
    images = []
    for number in tracked(range(num), 'image'):
        noises = model.draw_noises(1, random_generator('sampling', seed, number), sizes[start_scale:], start_scale)
        images.append(model.generator(noises, weights, image=picture, first_scale=start_scale))
    return torch.cat(images)


def _check(model: SinGANSampler, start_scale: int, noise: float) -> None:
    scales = injection_scales(model)
    if not is_whole(start_scale) or start_scale not in scales:
        raise InputError(
            f'a picture cannot be injected at start scale {shown(start_scale)}: choose one of {scales[0]} to '
            f'{scales[-1]}'
        )
    check_real(0, MOST_TIMES, noise=noise)


def injection_scales(model: SinGANSampler) -> range:
    """The scales at which a picture can be injected: all trained scales but the coarsest.

    Raises:
        InputError: If fewer than two scales are trained.

    >>> from mmpe.editing.example import example_singan
    >>> list(injection_scales(example_singan()))
    [1, 2]
    """
    if model.trained_scales < 2:
        raise InputError(
            f'this SinGAN has {model.trained_scales} trained scale(s), and a picture is injected between two: train on '
            'a larger picture, or with a smaller min_size'
        )
    return range(1, model.trained_scales)
