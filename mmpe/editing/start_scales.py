"""At which scale to inject a picture: coarse ones make it like the photograph, fine ones keep it as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from mmpe.evaluation.texture import patches
from mmpe.models.singan import SinGANModel

from .edited import Edited
from .injection import inject, injection_scales
from .masks import fit

_SIDE, _MOST_PATCHES = 5, 5000
_STRANGENESS_COUNTS = 2
_CELLS = 10  # what is a layout and no longer texture: the short side in so many


def choose_start_scale(model: SinGANModel, picture: Tensor, reach: Tensor | None = None) -> int:
    """The start scale at which :func:`start_scale_error` of the result is least.

    Args:
        model (SinGANModel): Trained.
        picture (Tensor): (1, 3, H, W) in [-1, 1], what is to be injected.
        reach (Tensor | None): (1, 1, H, W), 1 where the result counts; None: everywhere.

    Returns:
        int: At least 1.

    Raises:
        InputError: If the model has one scale only, or the picture has another shape than the trained one.
    """
    picture = fit(picture, model.scaled_sizes()[-1], 'the picture').to(model.fixed_noise)
    reach = torch.ones_like(picture[:, :1]) if reach is None else reach.to(picture)
    scales = injection_scales(model)
    bar = tqdm(scales, 'choosing the start scale', unit='scale', leave=False, disable=None)
    errors = {scale: start_scale_error(model, picture, reach, inject(model, picture, scale)) for scale in bar}
    return min(reversed(scales), key=errors.get)


def start_scale_error(model: SinGANModel, picture: Tensor, reach: Tensor, result: Tensor) -> float:
    """How far a result is from looking like the photograph, twice, plus how far from showing what was injected.

    Both are root mean squares of differences between colors, within the reach. The first is between 5x5 patches of the
    result and the most similar of 5000 of the photograph; counted once, it left nine of eleven things that were pasted
    into two photographs of scikit-image looking pasted. The second is between result and injected picture when both are
    reduced to squares of a tenth of the short side.

    Args:
        model (SinGANModel): It holds the photograph.
        picture (Tensor): (1, 3, H, W), what was injected.
        reach (Tensor): (1, 1, H, W), 1 where the result counts, not 0 everywhere.
        result (Tensor): (1, 3, H, W), what came of it.

    Returns:
        float: From 0; the range of colors is 2.
    """
    result = result.clamp(-1, 1)
    return _STRANGENESS_COUNTS * _strangeness(result, model.picture, reach) + _displacement(result, picture, reach)


def _strangeness(result, photograph, reach) -> float:
    rows, columns = (_around(reach, axis) for axis in (2, 3))
    inside = patches(reach[..., rows, columns], _SIDE, 1, _MOST_PATCHES).amax(1) > 0
    found = patches(result[..., rows, columns], _SIDE, 1, _MOST_PATCHES)[inside]
    nearest = torch.cdist(found, patches(photograph, _SIDE, 1, _MOST_PATCHES)).amin(1)
    return nearest.square().mean().div(found.shape[1]).sqrt().item()


def _around(reach, axis) -> slice:
    """From the first row or column with a reach to the last, and a patch on each side."""
    found = reach.amax((0, 1, 5 - axis)).nonzero()
    return slice(max(0, int(found.min()) - _SIDE), int(found.max()) + _SIDE + 1)


def _displacement(result, picture, reach) -> float:
    side = max(1, min(picture.shape[-2:]) // _CELLS)
    # the last squares are smaller where the side does not divide the picture's
    difference = F.avg_pool2d((result - picture) * reach, side, ceil_mode=True)
    covered = F.avg_pool2d(reach, side, ceil_mode=True)
    return (difference.square().sum() / (covered.square().sum() * 3).clamp(min=1e-12)).sqrt().item()


def compare_start_scales(model: SinGANModel, application: Callable[[int | None], Edited]) -> Edited:
    """An application's first image at every start scale, to choose from.

    Args:
        model (SinGANModel): Trained.
        application (Callable): Of a start scale; of None it takes the one that it would choose itself.

    Returns:
        Edited: An image a start scale; its caption says which, and which one is the automatic one.
    """
    chosen = application(None).captions[0]
    results = [application(scale) for scale in injection_scales(model)]
    captions = [result.captions[0] for result in results]
    return replace(
        results[0],
        images=torch.cat([result.images[:1] for result in results]),
        captions=[f'{caption} (automatic)' if caption == chosen else caption for caption in captions],
    )
