"""Fit what was pasted into the picture to its colors and texture (SinGAN, sec. 4)."""

from __future__ import annotations

from functools import partial

from torch import Tensor

from mmpe.models.singan import SinGANSampler

from ..edited import Edited
from ..refining import refine_within, scaled_pixels
from ..tasks import Injection, Masked, task

_DILATION = 7  # pixels, SinGAN's


def harmonise(
    model: SinGANSampler,
    picture: Tensor,
    mask: Tensor,
    start_scale: int | None = None,
    dilation: int | None = None,
    **options,
) -> Edited:
    """Give what was pasted into the picture the picture's own colors and texture.

    Args:
        model: Trained.
        picture: (1, 3, H, W) in [-1, 1], the picture with something pasted into it.
        mask: (1, 1, H, W), 1 where that is.
        start_scale: See :func:`~mmpe.editing.refining.refine_within`.
        dilation: By how many pixels the mask is extended. None: SinGAN's 7 of a picture of 250.
        **options: See :func:`~mmpe.editing.refining.refine_within`, also for the result and the errors.

    >>> from mmpe.editing import box_mask
    >>> from mmpe.editing.example import example_singan
    >>> model = example_singan()
    >>> pasted = model.picture.clone()
    >>> pasted[..., 6:16, 4:12] = 1
    >>> harmonise(model, pasted, box_mask((4, 6, 8, 10), (24, 32)), num=2).images.shape
    torch.Size([2, 3, 24, 32])
    """
    dilation = scaled_pixels(_DILATION, model) if dilation is None else dilation
    return refine_within(model, picture, mask, dilation, start_scale, **options)


@task('harmonise', '--picture pasted.png --mask where.png --sheet', chooses_start_scale=True, takes_picture=True)
def harmonise_task(model: SinGANSampler, *, masked: Masked, injection: Injection) -> Edited:
    """Fit what was pasted into the picture to its colors and texture.

    Args:
        picture: the picture with something pasted into it
        dilation: by how much the mask is extended; default: a few pixels
    """
    return injection.run(model, partial(harmonise, model, **masked.read(model)))
