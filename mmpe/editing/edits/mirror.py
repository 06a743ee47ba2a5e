"""Mirror a part of the picture."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from mmpe.grid import Box
from mmpe.models.singan import SinGANSampler

from ..edited import Edited
from ..inverse_maps import flip
from ..regions import Region
from ..tasks import Drawing, Part, Pixels, task
from ..transplants import redraw_elsewhere


def mirror(
    model: SinGANSampler, region: Box | Tensor, axis: str = 'x', start_scale: int = 1, seam: float = 3, **options
) -> Edited:
    """Mirror a region within its box: ``axis`` 'x' swaps left and right, 'y' top and bottom.

    The other arguments, result and errors are those of :func:`~mmpe.editing.move`.

    >>> from mmpe.editing.example import example_singan
    >>> mirror(example_singan(), (4, 6, 8, 10), num=2).images.shape
    torch.Size([2, 3, 24, 32])
    """
    own = Region.of(region, model.scaled_sizes()[-1])
    return redraw_elsewhere(model, own, flip(own.box, axis), start_scale, seam, **options)


@task('mirror', '--box 0,0,36,43 --axis x')
def mirror_task(
    model: SinGANSampler, *, part: Part, axis: Literal['x', 'y'] = 'x', seam: Pixels = 3, drawing: Drawing
) -> Edited:
    """Mirror a part of the picture.

    Args:
        axis: x: swap left and right, y: top and bottom
        seam: width of the smooth transition
    """
    return mirror(model, part.of(model), axis, seam=seam, **drawing.options())
