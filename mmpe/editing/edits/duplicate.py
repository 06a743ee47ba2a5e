"""Show a part of the picture twice."""

from __future__ import annotations

from torch import Tensor

from mmpe.grid import Box
from mmpe.models.singan import SinGANSampler

from ..edited import Edited
from ..tasks import Distance, Drawing, Part, Pixels, task
from .move import move


def duplicate(
    model: SinGANSampler,
    region: Box | Tensor,
    by: tuple[float, float],
    start_scale: int = 1,
    seam: float = 3,
    **options,
) -> Edited:
    """Show a region a second time, ``by`` (right, down) pixels away.

    Arguments, result and errors are those of :func:`~mmpe.editing.move`. The region also stays in its old place.

    >>> from mmpe.editing.example import example_singan
    >>> duplicate(example_singan(), (4, 6, 8, 10), by=(14, 0), num=2).images.shape
    torch.Size([2, 3, 24, 32])
    """
    return move(model, region, by, start_scale, seam, stays=True, **options)


@task('duplicate', '--box 27,10,10,33 --by=-13,0')
def duplicate_task(model: SinGANSampler, *, part: Part, by: Distance, seam: Pixels = 3, drawing: Drawing) -> Edited:
    """Show a part of the picture twice.

    Args:
        by: in pixels, such as --by=-8,0
        seam: width of the smooth transition
    """
    return duplicate(model, part.of(model), by, seam=seam, **drawing.options())
