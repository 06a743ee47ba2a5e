"""Injection: a picture takes the place of the image below a scale, and the scales from there on refine it.

What all of SinGAN's applications have in common (SinGAN, sec. 4). A coarse scale keeps little of the picture and makes
much of it anew; a fine one keeps its layout and gives it the photograph's texture.
"""

from __future__ import annotations

import torch
from torch import Tensor
from tqdm import tqdm

from mmpe.datasets.pyramid import resize
from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.models.sampled import check_memory
from mmpe.models.singan import SinGANModel
from mmpe.numbers import check_real, is_whole, shown
from mmpe.random_numbers import check_draws, random_generator

from .masks import fit

MOST_TIMES = 1000
"""The largest factor of noise, detail or size that an edit has a use for."""


@torch.no_grad()
def inject(
    model: SinGANModel,
    picture: Tensor,
    start_scale: int,
    num: int = 1,
    seed: int = 0,
    size: Size | None = None,
    noise: float = 1.0,
    name: str = 'the picture',
) -> Tensor:
    """Refine a picture from a scale on.

    With the reconstruction of the scales below, at their size, this gives the images of :meth:`SinGANModel.sample`, one
    by one, and without noise the reconstruction, all to the bit.

    Args:
        model (SinGANModel): Trained.
        picture (Tensor): (1, 3, H, W) in [-1, 1], of any size; scaled, antialiased, to that of the scale below
            ``start_scale``.
        start_scale (int): The first scale that refines it, at least 1.
        num (int): Number of images.
        seed (int): Of the noise, at least 0; image number i depends on it and i alone.
        size (tuple[int, int] | None): (H, W) of the images; None: the trained picture's.
        noise (float): Factor of the trained noise amplitudes; 0: no noise, so all images are the same.
        name (str): What an error calls the picture.

    Returns:
        Tensor: (num, 3, H, W), about [-1, 1].

    Raises:
        InputError: If nothing enters the start scale, the picture's shape is not that of the images, or the size is too
            small, or too large for memory.
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
    for number in tqdm(range(num), unit='image', leave=False, disable=None):
        noises = model.draw_noises(1, random_generator('sampling', seed, number), sizes[start_scale:], start_scale)
        images.append(model.generator(noises, weights, image=picture, first_scale=start_scale))
    return torch.cat(images)


def _check(model, start_scale, noise):
    scales = injection_scales(model)
    if not is_whole(start_scale) or start_scale not in scales:
        raise InputError(
            f'a picture cannot be injected at start scale {shown(start_scale)}: choose one of {scales[0]} to '
            f'{scales[-1]}'
        )
    check_real(0, MOST_TIMES, noise=noise)


def injection_scales(model: SinGANModel) -> range:
    """The scales at which a picture can be injected: all trained ones but the coarsest.

    Raises:
        InputError: If there is none.
    """
    if model.trained_scales < 2:
        raise InputError(
            f'this SinGAN has {model.trained_scales} trained scale(s), and a picture is injected between two: train on '
            'a larger picture, or with a smaller min_size'
        )
    return range(1, model.trained_scales)
