"""Close the seams after the picture's own parts were copied to other places (SinGAN, sec. 4)."""

from __future__ import annotations

from functools import partial

from torch import Tensor

from mmpe.models.singan import SinGANSampler

from ..edited import Edited
from ..refining import refine_within, scaled_pixels
from ..tasks import Injection, Masked, task

_DILATION = 20  # pixels, SinGAN's: to close a seam takes both of its sides


def edit(
    model: SinGANSampler,
    picture: Tensor,
    mask: Tensor,
    start_scale: int | None = None,
    dilation: int | None = None,
    **options,
) -> Edited:
    """Close the seams of the picture after its own parts were copied to other places.

    Args:
        model: Trained.
        picture: (1, 3, H, W) in [-1, 1].
        mask: (1, 1, H, W), 1 at the places that were pasted over.
        start_scale: See :func:`~mmpe.editing.refining.refine_within`.
        dilation: By how many pixels the mask is extended. None: SinGAN's 20 of a picture of 250.
        **options: See :func:`~mmpe.editing.refining.refine_within`, also for the result and the errors.

    >>> from mmpe.editing import box_mask
    >>> from mmpe.editing.example import example_singan
    >>> model = example_singan()
    >>> copied = model.picture.clone()
    >>> copied[..., 6:16, 20:28] = copied[..., 6:16, 4:12]
    >>> edit(model, copied, box_mask((20, 6, 8, 10), (24, 32)), num=2).images.shape
    torch.Size([2, 3, 24, 32])
    """
    dilation = scaled_pixels(_DILATION, model) if dilation is None else dilation
    return refine_within(model, picture, mask, dilation, start_scale, **options)


@task('edit', '--picture copied.png --mask where.png --start-scale 2', chooses_start_scale=True, takes_picture=True)
def edit_task(model: SinGANSampler, *, masked: Masked, injection: Injection) -> Edited:
    """Close the seams after the picture's own parts were copied to other places.

    Args:
        picture: the picture with parts of it copied to other places
        dilation: by how much the mask is extended; default: a twelfth of the picture's long side
    """
    return injection.run(model, partial(edit, model, **masked.read(model)))
