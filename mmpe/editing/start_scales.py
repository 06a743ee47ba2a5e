"""The scale at which to inject a picture: coarse ones make it like the photograph, fine ones keep it as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpe.evaluation.texture import patches
from mmpe.models.singan import SinGANSampler
from mmpe.progress import tracked

from .edited import Edited
from .injection import inject, injection_scales
from .masks import fit

_SIDE, _MOST_PATCHES = 5, 5000
_STRANGENESS_COUNTS = 2
_CELLS = 10  # squares along the short side: they show layout, and finer detail is texture


def choose_start_scale(model: SinGANSampler, picture: Tensor, edit_mask: Tensor | None = None) -> int:
    """The start scale, at least 1, at which :func:`start_scale_error` of the result is least.

    Args:
        model: Trained.
        picture: (1, 3, H, W) in [-1, 1], to be injected.
        edit_mask: (1, 1, H, W), 1 where the result counts; None: everywhere.

    Raises:
        InputError: If the model has one scale only, or the picture has another shape than the trained one.

    >>> from mmpe.editing.example import example_singan
    >>> model = example_singan()
    >>> choose_start_scale(model, model.picture) in (1, 2)
    True
    """
    picture = fit(picture, model.scaled_sizes()[-1], 'the picture').to(model.fixed_noise)
    edit_mask = torch.ones_like(picture[:, :1]) if edit_mask is None else edit_mask.to(picture)
    scales = injection_scales(model)
    errors = {
        scale: start_scale_error(model, picture, edit_mask, inject(model, picture, scale))
        for scale in tracked(scales, 'start scale')
    }
    return min(reversed(scales), key=errors.get)


def start_scale_error(model: SinGANSampler, picture: Tensor, edit_mask: Tensor, result: Tensor) -> float:
    """Twice the distance of a result from the photograph's texture, plus its distance from the injected picture.

    Both are root mean squares of differences between colors within the edit mask. The first compares 5x5 patches of the
    result with the most similar of 5000 patches of the photograph. It counts twice: counted once, it left nine of
    eleven things that were pasted into two photographs of scikit-image looking pasted. The second compares result and
    injected picture when both are reduced to squares of a tenth of the short side.

    Args:
        model: It holds the photograph.
        picture: (1, 3, H, W), the injected picture.
        edit_mask: (1, 1, H, W), 1 where the result counts, not 0 everywhere.
        result: (1, 3, H, W).

    Returns:
        From 0; the range of colors is 2.

    >>> from mmpe.editing.example import example_singan
    >>> model = example_singan()
    >>> everywhere = torch.ones_like(model.picture[:, :1])
    >>> f'{start_scale_error(model, model.picture, everywhere, model.picture):.2f}'
    '0.00'
    """
    result = result.clamp(-1, 1)
    strangeness = _strangeness(result, model.picture, edit_mask)
    return _STRANGENESS_COUNTS * strangeness + _displacement(result, picture, edit_mask)


def _strangeness(result: Tensor, photograph: Tensor, edit_mask: Tensor) -> float:
    rows, columns = (_around(edit_mask, axis) for axis in (2, 3))
    inside = patches(edit_mask[..., rows, columns], _SIDE, 1, _MOST_PATCHES).amax(1) > 0
    found = patches(result[..., rows, columns], _SIDE, 1, _MOST_PATCHES)[inside]
    nearest = torch.cdist(found, patches(photograph, _SIDE, 1, _MOST_PATCHES)).amin(1)
    return nearest.square().mean().div(found.shape[1]).sqrt().item()


def _around(edit_mask: Tensor, axis: int) -> slice:
    """From the first row or column of the mask to the last, and a patch on each side."""
    found = edit_mask.amax((0, 1, 5 - axis)).nonzero()
    return slice(max(0, int(found.min()) - _SIDE), int(found.max()) + _SIDE + 1)


def _displacement(result: Tensor, picture: Tensor, edit_mask: Tensor) -> float:
    side = max(1, min(picture.shape[-2:]) // _CELLS)
    # the last squares are smaller where the side does not divide the picture's
    difference = F.avg_pool2d((result - picture) * edit_mask, side, ceil_mode=True)
    covered = F.avg_pool2d(edit_mask, side, ceil_mode=True)
    return (difference.square().sum() / (covered.square().sum() * 3).clamp(min=1e-12)).sqrt().item()


def compare_start_scales(model: SinGANSampler, application: Callable[[int | None], Edited]) -> Edited:
    """An application's first image at every start scale, to choose from.

    Args:
        model: Trained.
        application: Takes a start scale; given None, it chooses one itself.

    Returns:
        One image per start scale. Its caption names the scale, and says which one is chosen automatically.

    >>> from mmpe.editing import example, paint_to_image
    >>> model = example.example_singan()
    >>> compare_start_scales(model, lambda scale: paint_to_image(model, model.picture, scale, num=1)).captions
    ['scale 1 (automatic)', 'scale 2']
    """
    chosen = application(None).captions[0]
    results = [application(scale) for scale in injection_scales(model)]
    captions = [result.captions[0] for result in results]
    return replace(
        results[0],
        images=torch.cat([result.images[:1] for result in results]),
        captions=[f'{caption} (automatic)' if caption == chosen else caption for caption in captions],
    )
