"""Enlarge the picture: the last scale, which adds the finest detail, applied again and again (SinGAN, sec. 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpe.arguments import Count, real
from mmpe.datasets.picture_files import read_picture
from mmpe.errors import InputError
from mmpe.evaluation import patch_distance, psnr
from mmpe.grid import Size
from mmpe.models.sampled import check_memory
from mmpe.models.singan import SinGANSampler
from mmpe.numbers import check_above, check_real, given, size_text
from mmpe.progress import tracked
from mmpe.random_numbers import check_draws, random_generator
from mmpe.visualization import markdown_table

from ..edited import Edited
from ..injection import MOST_TIMES
from ..masks import fit
from ..tasks import Draws, Factor, File, task


@torch.no_grad()
def super_resolve(
    model: SinGANSampler,
    picture: Tensor | None = None,
    factor: float = 4.0,
    noise: float = 0.0,
    num: int = 1,
    seed: int = 0,
    strength: float | None = None,
    back_projection: bool = True,
) -> Edited:
    """Enlarge the picture in steps of the ratio that the last scale was trained with; that scale refines each step.

    What a SinGAN learns of its finest detail holds at finer scales as far as the picture looks alike across scales.
    Train with ``configs/singan/singan_superresolution_*.py``, on a picture of the size that is enlarged.

    Args:
        model: Trained, with at least two scales.
        picture: (1, 3, H, W) in [-1, 1], of the trained size; None: the training picture.
        factor: Above 1.
        noise: Factor of the last scale's noise amplitude; 0 gives the least error.
        num: Number of images, which differ by their noise.
        seed: Of the noise; image number i depends on the seed and i alone.
        strength: Factor of the detail that the scale adds, at least 0; SinGAN's is 1. None: that of
            :func:`fitting_strength`.
        back_projection: Whether to correct the image after each step by its difference from the picture once it is
            shrunk again (Irani and Peleg 1991). SinGAN does not, and what its scale exaggerates once it exaggerates
            more at every step.

    Returns:
        The images, of the picture's size times ``factor``, rounded; before them the picture and, for comparison, its
        bicubic enlargement.

    Raises:
        InputError: If the factor is not above 1, the noise or the strength is negative, the picture has another size,
            there is only one scale, or the images are too large for memory.

    >>> from mmpe.editing.example import example_singan
    >>> super_resolve(example_singan(), factor=2).images.shape
    torch.Size([1, 3, 48, 64])
    """
    sizes = enlarged_sizes(model, factor)
    picture = _check(model, picture, noise, strength)
    check_draws(num, seed)
    check_memory(model, sizes[-1], num)
    strength = fitting_strength(model, picture) if strength is None else strength
    images = []
    for number in tracked(range(num), 'image'):
        rng = random_generator('super-resolution', seed, number)
        image = picture
        for size in tracked(sizes, 'step'):
            image = _enlarge(image, size)
            image = image + strength * _detail(model, image, rng, noise)
            if back_projection:
                image = image + _enlarge(picture - _shrink(image, picture.shape[-2:]), size)
        images.append(image)
    before = dict(picture=picture, bicubic=_enlarge(picture, sizes[-1]))
    return Edited(torch.cat(images), before)


@torch.no_grad()
def fitting_strength(model: SinGANSampler, picture: Tensor) -> float:
    """The factor of the last scale's detail that best restores the picture once it was shrunk and enlarged.

    The scale was trained on the reconstruction below it, which is blurred more than a picture that was shrunk: to such
    a picture it adds too much. Least squares, without noise.

    Args:
        model: Trained, with at least two scales.
        picture: (1, 3, H, W) in [-1, 1], of the trained size.

    Returns:
        At least 0, usually below 1.

    >>> from mmpe.editing.example import example_singan
    >>> model = example_singan()
    >>> fitting_strength(model, model.picture) >= 0
    True
    """
    below, size = model.scaled_sizes()[-2:]
    blurred = _enlarge(_shrink(picture, below), size)
    detail = _detail(model, blurred)
    return ((picture - blurred) * detail).sum().div(detail.square().sum().clamp(min=1e-12)).clamp(min=0).item()


def _detail(model: SinGANSampler, image: Tensor, rng: torch.Generator | None = None, noise: float = 0.0) -> Tensor:
    """What the last scale adds to an image."""
    last = model.trained_scales - 1
    shape = (1, *model.generator.noise_shape(last, tuple(image.shape[-2:])))
    maps = torch.zeros(shape) if rng is None else torch.randn(shape, generator=rng)
    return model.generator.refine(last, maps.to(image), model.noise_weights[last] * noise, image) - image


def compare(edited: Edited, truth: Tensor) -> dict[str, tuple[float, float]]:
    """The distances of enlarged pictures, and of the bicubic enlargement, to the true picture.

    Args:
        edited: Of :func:`super_resolve`.
        truth: (1, 3, H, W) in [-1, 1], the picture before it was made smaller; scaled, antialiased, to the size of the
            images.

    Returns:
        By name: PSNR in dB, which asks for every pixel, and the distance of 7x7 patches, which asks for sharpness
        (:func:`~mmpe.evaluation.patch_distance`).

    Raises:
        InputError: If the truth has another shape.

    >>> from mmpe.editing.example import example_singan
    >>> list(compare(super_resolve(example_singan(), factor=2), torch.zeros(1, 3, 96, 128)))
    ['bicubic', 'image 0']
    """
    truth = fit(truth, edited.images.shape[-2:], 'the true picture').to(edited.images)
    images = torch.cat([edited.before['bicubic'], edited.images]).clamp(-1, 1).split(1)
    names = ['bicubic', *(f'image {i}' for i in range(len(edited.images)))]
    return {name: (psnr(image, truth), patch_distance(image, truth, 7)) for name, image in zip(names, images)}


def enlarged_sizes(model: SinGANSampler, factor: float) -> list[Size]:
    """The sizes on the way from the trained picture to ``factor`` times its size, in steps of about the trained ratio.

    Raises:
        InputError: If the factor is not above 1, or there is only one scale.

    >>> from mmpe.editing.example import example_singan
    >>> enlarged_sizes(example_singan(), factor=2)
    [(34, 45), (48, 64)]
    """
    check_above(1, MOST_TIMES, factor=factor)
    if model.trained_scales < 2:
        raise InputError('this SinGAN has one scale only, which enlarges nothing: train with a smaller min_size')
    below, (height, width) = model.scaled_sizes()[-2:]
    trained = math.sqrt(height * width / math.prod(below))
    steps = max(1, round(math.log(factor) / math.log(trained)))
    ratios = [factor ** (step / steps) for step in range(1, steps + 1)]
    return [(round(height * ratio), round(width * ratio)) for ratio in ratios]


def _enlarge(image: Tensor, size: Size) -> Tensor:
    # not SinGANGenerator.enlarge, which aligns corners: over several steps that would stretch the picture
    return F.interpolate(image, size, mode='bicubic', align_corners=False)


def _shrink(image: Tensor, size: Size) -> Tensor:
    return F.interpolate(image, size, mode='bicubic', align_corners=False, antialias=True)


def _check(model: SinGANSampler, picture: Tensor | None, noise: float, strength: float | None) -> Tensor:
    check_real(0, MOST_TIMES, noise=noise, **given(strength=strength))
    if picture is None:
        return model.picture
    height, width = model.scaled_sizes()[-1]
    if tuple(picture.shape[-2:]) != (height, width):
        raise InputError(
            f'the picture is {size_text(picture.shape[-2:])} pixels, and the model was trained on '
            f'{size_text((height, width))}: super-resolution takes a picture of that size, or a model trained on this '
            f'one at max_size={max(picture.shape[-2:])}'
        )
    return picture.to(model.fixed_noise)


@dataclass
class _Draws(Draws):
    num: Count = 1


@task('superres', '--factor 4', takes_picture=True)
def superres_task(
    model: SinGANSampler,
    *,
    factor: Annotated[float, real(0)] = 4.0,
    picture: File | None = None,
    noise: Factor = 0.0,
    strength: Factor | None = None,
    no_back_projection: bool = False,
    truth: File | None = None,
    draws: _Draws,
) -> Edited:
    """Enlarge the picture, and add detail such as it has elsewhere.

    Args:
        factor: by how much, over 1
        picture: one of the size that was trained on; default: the trained one
        noise: 1: as in training, so that images differ
        strength: of the detail; SinGAN's is 1; default: what fits the picture best when it is made smaller by one scale
        no_back_projection: let the image drift away from the picture, as SinGAN does
        truth: the picture before it was made smaller: says how close it came
    """
    given_picture = read_picture(picture) if picture else None
    true_picture = None
    if truth is not None:  # before the work
        true_picture = fit(read_picture(truth), enlarged_sizes(model, factor)[-1], 'the true picture')
    edited = super_resolve(
        model, given_picture, factor, noise, draws.num, draws.seed, strength, back_projection=not no_back_projection
    )
    if true_picture is not None:
        rows = [[name, f'{db:.2f}', f'{far:.4f}'] for name, (db, far) in compare(edited, true_picture).items()]
        edited.report = '\n'.join(markdown_table([['against the truth', 'PSNR, dB', 'patch distance'], *rows]))
    return edited
