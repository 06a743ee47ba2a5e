"""What injection is good for: paintings become photographs, pasted and copied parts fit in (SinGAN, sec. 4)."""

from __future__ import annotations

from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.models.singan import SinGANModel
from mmpe.numbers import check_real, check_whole

from .edited import Edited
from .injection import inject
from .masks import blend, dilate, fit, soften
from .start_scales import choose_start_scale

# SinGAN's, in pixels of pictures of this long side
_LONG_SIDE, _HARMONISE_BY, _EDIT_BY = 250, 7, 20


def paint_to_image(
    model: SinGANModel,
    painting: Tensor,
    start_scale: int | None = None,
    num: int = 4,
    seed: int = 0,
    noise: float = 1.0,
    size: Size | None = None,
) -> Edited:
    """Make a photograph of a crude painting, in the colours of the picture.

    A model with a palette (``configs/singan/singan_palette_*.py``) has learnt to make more of flat colours.

    Args:
        model (SinGANModel): Trained.
        painting (Tensor): (1, 3, H, W) in [-1, 1], of any size.
        start_scale (int | None): The first scale that refines it: a coarse one makes much of it anew. None: that of the
            model's palette, or 1, the coarsest: SinGAN's advice for paintings.
        num (int): Number of images.
        seed (int): Of the noise; image number i depends on it and i alone.
        noise (float): Factor of the noise amplitudes.
        size (tuple[int, int] | None): (H, W) of the images, of the painting's shape; None: the trained picture's.

    Returns:
        Edited: The images; before them the picture and the painting.

    Raises:
        InputError: If the start scale does not exist, or the painting has another shape than the images.
    """
    if start_scale is None:
        start_scale = model.palette.scale if model.palette is not None else 1
    images = inject(model, painting, start_scale, num, seed, size, noise, name='the painting')
    painting = fit(painting, images.shape[-2:], 'the painting')
    return Edited(images, dict(picture=model.picture, painting=painting), _captions(start_scale, num))


def harmonise(
    model: SinGANModel,
    picture: Tensor,
    mask: Tensor,
    start_scale: int | None = None,
    dilation: int | None = None,
    **options,
) -> Edited:
    """Give what was pasted into the picture the picture's own colours and texture.

    Args:
        model (SinGANModel): Trained.
        picture (Tensor): (1, 3, H, W) in [-1, 1], the picture with something pasted into it.
        mask (Tensor): (1, 1, H, W), 1 where that is.
        start_scale (int | None): See :func:`refine_within`.
        dilation (int | None): By how many pixels the mask is extended. None: SinGAN's 7 of a picture of 250.
        **options: See :func:`refine_within`, also for what is returned and raised.
    """
    dilation = _scaled(_HARMONISE_BY, model) if dilation is None else dilation
    return refine_within(model, picture, mask, dilation, start_scale, **options)


def edit(
    model: SinGANModel,
    picture: Tensor,
    mask: Tensor,
    start_scale: int | None = None,
    dilation: int | None = None,
    **options,
) -> Edited:
    """Close the seams of the picture after its own parts were copied to other places.

    As :func:`harmonise`, with a mask that covers the places that were pasted over, which is extended further: to close
    a seam takes both of its sides.

    Args:
        model (SinGANModel): Trained.
        picture (Tensor): (1, 3, H, W) in [-1, 1].
        mask (Tensor): (1, 1, H, W), 1 where it was edited.
        start_scale (int | None): See :func:`refine_within`.
        dilation (int | None): By how many pixels the mask is extended. None: SinGAN's 20 of a picture of 250.
        **options: See :func:`refine_within`, also for what is returned and raised.
    """
    dilation = _scaled(_EDIT_BY, model) if dilation is None else dilation
    return refine_within(model, picture, mask, dilation, start_scale, **options)


def refine_within(
    model: SinGANModel,
    picture: Tensor,
    mask: Tensor,
    dilation: int,
    start_scale: int | None = None,
    num: int = 4,
    seed: int = 0,
    noise: float = 1.0,
    softness: float | None = None,
) -> Edited:
    """Refine a picture where a mask says, and leave it as it is elsewhere.

    Args:
        model (SinGANModel): Trained.
        picture (Tensor): (1, 3, H, W) in [-1, 1].
        mask (Tensor): (1, 1, H, W), 1 where it is to be refined.
        dilation (int): By how many pixels the mask is extended, at least 0.
        start_scale (int | None): The first scale that refines it: a fine one keeps its form. None: chosen by
            :func:`~mmpe.editing.start_scales.choose_start_scale`.
        num (int): Number of images.
        seed (int): Of the noise; image number i depends on it and i alone.
        noise (float): Factor of the noise amplitudes.
        softness (float | None): Over how many pixels inside the extended mask the result goes over into the given
            picture. None: as many as it was extended by.

    Returns:
        Edited: The images, which are the given picture to the bit outside the extended mask.

    Raises:
        InputError: If the start scale does not exist, or picture or mask have another shape than the trained one.
    """
    size = model.scaled_sizes()[-1]
    if softness is not None:
        check_real(0, max(size), softness=softness)
    given = fit(picture, size, 'the picture').to(model.fixed_noise)
    reach = _reach(mask, size, dilation).to(given)
    if start_scale is None:
        start_scale = choose_start_scale(model, given, reach)
    images = inject(model, given, start_scale, num, seed, noise=noise)
    soft = soften(reach, dilation if softness is None else softness)
    return Edited(
        blend(images, given, soft),
        dict(picture=model.picture, given=given),
        _captions(start_scale, num),
        kept=given,
        reach=reach,
    )


def _scaled(pixels: int, model: SinGANModel) -> int:
    """Pixels of a picture of SinGAN's size, in those of the model's."""
    return max(1, round(pixels * max(model.scaled_sizes()[-1]) / _LONG_SIDE))


def _reach(mask: Tensor, size: Size, dilation: int) -> Tensor:
    check_whole(0, max(size), dilation=dilation)
    mask = (fit(mask, size, 'the mask') >= 0.5).float()
    if not mask.any():
        raise InputError('the mask is 0 everywhere: set it to 1 where things are to change')
    return dilate(mask, dilation)


def _captions(start_scale: int, num: int) -> list[str]:
    return [f'scale {start_scale}' + (f', image {i}' if num > 1 else '') for i in range(num)]
