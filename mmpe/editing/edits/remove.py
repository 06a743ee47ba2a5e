"""Take a part out of the picture."""

from __future__ import annotations

from torch import Tensor

from mmpe.grid import Box
from mmpe.models.singan import SinGANSampler

from ..covers import cover
from ..edited import Edited
from ..redrawing import redraw
from ..regions import Region
from ..tasks import Drawing, Part, task


def remove(model: SinGANSampler, region: Box | Tensor, start_scale: int = 1, **options) -> Edited:
    """Let a region's surroundings continue into it.

    Arguments, result and errors are those of :func:`~mmpe.editing.move`.

    >>> from mmpe.editing.example import example_singan
    >>> remove(example_singan(), (4, 6, 8, 10), num=2).images.shape
    torch.Size([2, 3, 24, 32])
    """
    own = Region.of(region, model.scaled_sizes()[-1])
    return redraw(model, cover(model, own, start_scale), start_scale=start_scale, **options)


@task('remove', '--mask rocket.png')
def remove_task(model: SinGANSampler, *, part: Part, drawing: Drawing) -> Edited:
    """Take a part out of the picture."""
    return remove(model, part.of(model), **drawing.options())
