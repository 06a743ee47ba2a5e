"""Move a part of the picture."""

from __future__ import annotations

from torch import Tensor

from mmpe.grid import Box
from mmpe.models.singan import SinGANSampler

from ..edited import Edited
from ..inverse_maps import shift
from ..regions import Region
from ..tasks import Distance, Drawing, Part, Pixels, task
from ..transplants import redraw_elsewhere


def move(
    model: SinGANSampler,
    region: Box | Tensor,
    by: tuple[float, float],
    start_scale: int = 1,
    seam: float = 3,
    **options,
) -> Edited:
    """Move a region. Its old place is covered by what was around it.

    At start scale 0 the surroundings of the region move along, as far as the network sees at that scale.

    Args:
        model: Trained.
        region: (left, top, width, height) in pixels, or a mask (1, 1, H, W).
        by: (right, down) in pixels.
        start_scale: See :func:`~mmpe.editing.redraw`.
        seam: Pixels around the region's new place over which a small displacement falls off.
        **options: See :func:`~mmpe.editing.redraw`. ``stays=True`` also leaves the region in its old place.

    Returns:
        The images. The reconstruction is kept where the edit does not reach.

    Raises:
        InputError: If the region is not in the picture, or is moved out of it. See :func:`~mmpe.editing.redraw` for
            other errors.

    >>> from mmpe.editing.example import example_singan
    >>> edited = move(example_singan(), (4, 6, 8, 10), by=(14, 0), num=2)
    >>> edited.images.shape, edited.psnr_outside
    (torch.Size([2, 3, 24, 32]), inf)
    """
    own = Region.of(region, model.scaled_sizes()[-1])
    return redraw_elsewhere(model, own, shift(by), start_scale, seam, **options)


@task('move', '--box 27,10,10,33 --by=14,0')
def move_task(model: SinGANSampler, *, part: Part, by: Distance, seam: Pixels = 3, drawing: Drawing) -> Edited:
    """Move a part of the picture.

    Args:
        by: in pixels, such as --by=-8,0
        seam: width of the smooth transition
    """
    return move(model, part.of(model), by, seam=seam, **drawing.options())
