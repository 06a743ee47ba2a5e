"""Refine a picture within a mask, for harmonization and editing (SinGAN, section 4)."""

from __future__ import annotations

from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.models.singan import SinGANSampler
from mmpe.numbers import check_real, check_whole

from .edited import Edited
from .injection import inject
from .masks import blend, dilate, fit, soften
from .start_scales import choose_start_scale

_LONG_SIDE = 250  # of SinGAN's pictures, whose dilations are in pixels


def refine_within(
    model: SinGANSampler,
    picture: Tensor,
    mask: Tensor,
    dilation: int,
    start_scale: int | None = None,
    num: int = 4,
    seed: int = 0,
    noise: float = 1.0,
    softness: float | None = None,
) -> Edited:
    """Refine a picture where a mask is 1, and leave it as it is elsewhere.

    Args:
        model: Trained.
        picture: (1, 3, H, W) in [-1, 1].
        mask: (1, 1, H, W), 1 where the picture is refined.
        dilation: By how many pixels the mask is extended, at least 0.
        start_scale: The first scale that refines the picture; a fine one keeps its form. None: chosen by
            :func:`~mmpe.editing.choose_start_scale`.
        num: Number of images.
        seed: Of the noise; image number i depends on the seed and i alone.
        noise: Factor of the noise amplitudes.
        softness: Pixels inside the extended mask over which the result fades into the given picture. None: as many as
            the mask was extended by.

    Returns:
        The images, which are the given picture to the bit outside of the extended mask.

    Raises:
        InputError: If the start scale does not exist, or picture or mask have another shape than the trained picture.

    >>> from mmpe.editing.example import example_singan
    >>> from mmpe.editing.masks import box_mask
    >>> model = example_singan()
    >>> refine_within(model, model.picture, box_mask((4, 6, 8, 10), (24, 32)), dilation=2, num=2).psnr_outside
    inf
    """
    size = model.scaled_sizes()[-1]
    if softness is not None:
        check_real(0, max(size), softness=softness)
    given = fit(picture, size, 'the picture').to(model.fixed_noise)
    edit_mask = _extended(mask, size, dilation).to(given)
    if start_scale is None:
        start_scale = choose_start_scale(model, given, edit_mask)
    images = inject(model, given, start_scale, num, seed, noise=noise)
    soft = soften(edit_mask, dilation if softness is None else softness)
    return Edited(
        blend(images, given, soft),
        dict(picture=model.picture, given=given),
        scale_captions(start_scale, num),
        kept=given,
        edit_mask=edit_mask,
    )


def scaled_pixels(pixels: int, model: SinGANSampler) -> int:
    """A length in SinGAN's pictures, whose long side is 250 pixels, in pixels of the model's picture; at least 1.

    >>> from mmpe.editing.example import example_singan
    >>> scaled_pixels(20, example_singan())  # the picture is 32 pixels wide
    3
    """
    return max(1, round(pixels * max(model.scaled_sizes()[-1]) / _LONG_SIDE))


def scale_captions(start_scale: int, num: int) -> list[str]:
    """The captions of images that begin at a scale.

    >>> scale_captions(3, 2)
    ['scale 3, image 0', 'scale 3, image 1']
    """
    return [f'scale {start_scale}' + (f', image {i}' if num > 1 else '') for i in range(num)]


def _extended(mask: Tensor, size: Size, dilation: int) -> Tensor:
    check_whole(0, max(size), dilation=dilation)
    mask = (fit(mask, size, 'the mask') >= 0.5).float()
    if not mask.any():
        raise InputError('the mask is 0 everywhere: set it to 1 where things are to change')
    return dilate(mask, dilation)
