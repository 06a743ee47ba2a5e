"""Random images of any size, from any scale on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mmpe import arguments
from mmpe.arguments import Count
from mmpe.models.sampled import check_memory
from mmpe.models.singan import SinGANSampler
from mmpe.progress import tracked

from ..edited import Edited
from ..tasks import Draws, Scale, task


@dataclass
class _Draws(Draws):
    num: Count = 8


@task('samples', '--start-scale 1 --size 64x192')
def samples_task(
    model: SinGANSampler, *, draws: _Draws, size: arguments.Size | None = None, start_scale: Scale = 0
) -> Edited:
    """Random images of any size and shape.

    Args:
        size: in pixels; default: the picture's
        start_scale: first scale with random noise
    """
    check_memory(model, size or model.scaled_sizes()[-1], draws.num)
    images = [
        model.sample(1, size=size, start_scale=start_scale, seed=draws.seed, first=i)
        for i in tracked(range(draws.num), 'image')
    ]
    return Edited(torch.cat(images), dict(picture=model.picture))
