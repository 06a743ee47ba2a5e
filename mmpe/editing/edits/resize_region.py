"""Make a part of the picture larger or smaller."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor

from mmpe.arguments import real
from mmpe.grid import Box
from mmpe.models.singan import SinGANSampler
from mmpe.numbers import check_above

from ..edited import Edited
from ..injection import MOST_TIMES
from ..inverse_maps import zoom
from ..regions import Region
from ..tasks import Drawing, Part, Pixels, task
from ..transplants import redraw_elsewhere


def resize_region(
    model: SinGANSampler,
    region: Box | Tensor,
    factor: float,
    anchor: str = 'bottom',
    start_scale: int = 1,
    seam: float = 3,
    **options,
) -> Edited:
    """Make a region larger or smaller.

    Args:
        model: Trained.
        region: (left, top, width, height) in pixels, or a mask (1, 1, H, W).
        factor: Above 0; 2 is twice as high and wide.
        anchor: What of its box stays in place: 'bottom' (the middle of its lower edge, so that what stands goes on
            standing), 'center' or 'top'.
        start_scale: See :func:`~mmpe.editing.redraw`.
        seam: As for :func:`~mmpe.editing.move`.
        **options: See :func:`~mmpe.editing.redraw`.

    Raises:
        InputError: If the factor is not above 0, or there is no such anchor; also as :func:`~mmpe.editing.move`.

    >>> from mmpe.editing.example import example_singan
    >>> resize_region(example_singan(), (4, 6, 8, 10), factor=1.5, num=2).images.shape
    torch.Size([2, 3, 24, 32])
    """
    own = Region.of(region, model.scaled_sizes()[-1])
    check_above(0, MOST_TIMES, factor=factor)
    return redraw_elsewhere(model, own, zoom(own.box, factor, anchor), start_scale, seam, factor, **options)


@task('scale', '--box 27,10,10,33 --factor 0.6')
def resize_task(
    model: SinGANSampler,
    *,
    part: Part,
    factor: Annotated[float, real(0)],
    anchor: Literal['bottom', 'center', 'top'] = 'bottom',
    seam: Pixels = 3,
    drawing: Drawing,
) -> Edited:
    """Make a part of the picture larger or smaller.

    Args:
        factor: 2 is twice as high and wide
        anchor: what of it stays in place
        seam: width of the smooth transition
    """
    return resize_region(model, part.of(model), factor, anchor, seam=seam, **drawing.options())
