"""Edits of an edited picture: it takes the place of the one that the model remembers."""

from __future__ import annotations

import copy
from functools import cache

import torch.nn.functional as F
from torch import Tensor

from mmpe.models.singan import SinGANSampler

from .injection import injection_scales
from .masks import fit


def onto(model: SinGANSampler, picture: Tensor) -> SinGANSampler:
    """A copy of a model whose edits start from another picture, such as the result of an earlier edit.

    A coarse scale is shown its reconstruction plus what the picture differs by, shrunk to the scale's size. So the
    model's own reconstruction changes nothing: a warp onto it is the plain warp, to the bit. Start scale 0 is refused,
    because there the network is told a layout, and no picture.

    Args:
        model: Trained. The copy shares its weights.
        picture: (1, 3, H, W) in [-1, 1], of the trained size, or of another size of that shape.

    Raises:
        InputError: If the picture has another shape, or fewer than two scales are trained.

    >>> from mmpe.editing import move, warp
    >>> from mmpe.editing.example import example_singan
    >>> model = example_singan()
    >>> bent = warp(model, sources=[(8, 12)], targets=[(11, 12)], num=1)
    >>> move(onto(model, bent.images), (4, 6, 8, 10), by=(14, 0), num=2).images.shape
    torch.Size([2, 3, 24, 32])
    """
    sizes = model.scaled_sizes()
    picture = fit(picture, sizes[-1], 'the picture to edit').to(model.fixed_noise)
    change = picture - model.reconstruct()

    @cache
    def reconstruct(num_scales: int | None = None) -> Tensor:
        if num_scales in (None, len(sizes)):
            return picture
        shrunk = F.interpolate(change, sizes[num_scales - 1], mode='bicubic', antialias=True)
        return model.reconstruct(num_scales) + shrunk

    copied = copy.copy(model)
    copied._buffers = dict(model._buffers, picture=picture)  # a copy of a module shares them with the module
    copied.reconstruct = reconstruct
    copied.first_start_scale = injection_scales(model)[0]
    return copied
