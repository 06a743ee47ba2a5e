"""Make a photograph of a crude painting (SinGAN, sec. 4)."""

from __future__ import annotations

from functools import partial

from torch import Tensor

from mmpe import arguments
from mmpe.datasets.picture_files import read_picture
from mmpe.grid import Size
from mmpe.models.singan import SinGANSampler

from ..edited import Edited
from ..injection import inject
from ..masks import fit
from ..refining import scale_captions
from ..tasks import File, Injection, task


def paint_to_image(
    model: SinGANSampler,
    painting: Tensor,
    start_scale: int | None = None,
    num: int = 4,
    seed: int = 0,
    noise: float = 1.0,
    size: Size | None = None,
) -> Edited:
    """Make a photograph of a crude painting, in the colors of the picture.

    A model with a palette (``configs/singan/singan_palette_*.py``) has learned to make more of flat colors.

    Args:
        model: Trained.
        painting: (1, 3, H, W) in [-1, 1], of any size.
        start_scale: The first scale that refines the painting; a coarse one makes much of it anew. None: that of the
            model's palette, or 1, the coarsest, which is SinGAN's advice for paintings.
        num: Number of images.
        seed: Of the noise; image number i depends on the seed and i alone.
        noise: Factor of the noise amplitudes.
        size: (height, width) of the images, of the painting's shape; None: the trained picture's.

    Returns:
        The images; before them the picture and the painting.

    Raises:
        InputError: If the start scale does not exist, or the painting has another shape than the images.

    >>> import torch
    >>> from mmpe.editing.example import example_singan
    >>> edited = paint_to_image(example_singan(), torch.zeros(1, 3, 48, 64), num=2)
    >>> edited.images.shape, edited.captions
    (torch.Size([2, 3, 24, 32]), ['scale 1, image 0', 'scale 1, image 1'])
    """
    if start_scale is None:
        start_scale = model.palette.scale if model.palette is not None else 1
    images = inject(model, painting, start_scale, num, seed, size, noise, name='the painting')
    painting = fit(painting, images.shape[-2:], 'the painting')
    return Edited(images, dict(picture=model.picture, painting=painting), scale_captions(start_scale, num))


@task('paint', '--painting mine.png --start-scale 1', takes_picture=True)
def paint_task(
    model: SinGANSampler, *, painting: File, size: arguments.Size | None = None, injection: Injection
) -> Edited:
    """Make a photograph of a crude painting.

    Args:
        painting: best in the colors of the picture
        size: in pixels; default: the picture's
        start_scale: first scale that refines the picture, from 1, which makes most of it anew; default: that of the
            model's palette, or 1
    """
    return injection.run(model, partial(paint_to_image, model, read_picture(painting), size=size))
