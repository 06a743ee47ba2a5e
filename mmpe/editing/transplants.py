"""A region that appears elsewhere, before a background that covers its old place."""

from __future__ import annotations

import torch
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import InverseMap
from mmpe.models.singan import SinGANSampler
from mmpe.numbers import check_real

from .covers import cover
from .edited import Edited
from .inverse_maps import identity, pixel_positions
from .redrawing import redraw
from .regions import Region

_STRETCH = 2  # pixels that one pixel of a smooth seam may stand for


def redraw_elsewhere(
    model: SinGANSampler,
    region: Region,
    origin: InverseMap,
    start_scale: int = 1,
    seam: float = 3,
    factor: float = 1,
    stays: bool = False,
    **options,
) -> Edited:
    """Draw a region where a similarity shows it; what was around it covers its old place.

    At start scale 0 a region takes its surroundings along, as far as the network sees at that scale: the network draws
    nothing without its surroundings.

    Args:
        model: Trained.
        region: Of the trained picture.
        origin: Where a position comes from in the region's own frame; a similarity.
        start_scale: See :func:`~mmpe.editing.redrawing.redraw`.
        seam: Pixels around the region's new place over which a small displacement falls off.
        factor: By how much the similarity enlarges.
        stays: Whether the region is also seen in its old place.
        **options: See :func:`~mmpe.editing.redrawing.redraw`, also for the result and the errors.
    """
    background = identity if stays or region.inside.all() else cover(model, region, start_scale)
    part = region if start_scale else _with_surroundings(model, region)
    inverse_map = transplant(part, origin, background, factor, seam)
    return redraw(model, inverse_map, start_scale=start_scale, **options)


def transplant(
    region: Region, origin: InverseMap, background: InverseMap, factor: float = 1, seam: float = 0
) -> InverseMap:
    """The inverse map that shows a region elsewhere.

    A smooth warp leads from the region's new place to the background. Where the two come from positions far from each
    other, a warp would squeeze all that lies between them into the seam: there it is a cut, which the network closes.

    Args:
        region: Of the trained picture.
        origin: Where a position comes from in the region's own frame; a similarity.
        background: What is seen around the region's new place.
        factor: By how much the similarity enlarges.
        seam: Width of the smooth warp in pixels.

    Raises:
        InputError: If the new place is outside of the picture, or the seam is negative.

    >>> from mmpe.editing.inverse_maps import identity, shift
    >>> region = Region.of((2, 2, 3, 3), size=(8, 12))
    >>> inverse_map = transplant(region, shift((5, 0)), identity)
    >>> inverse_map(torch.tensor([[8.0, 3.0], [3.0, 3.0]], dtype=torch.float64)).tolist()
    [[3.0, 3.0], [3.0, 3.0]]
    """
    check_real(0, max(region.size), seam=seam)
    if not bool((region.distance(origin(pixel_positions(region.size))) < 0).any()):
        raise InputError('nothing of the region would be left in the picture: to take it away, remove it')

    def inverse_map(positions: Tensor) -> Tensor:
        moved, behind = origin(positions), background(positions)
        distance = factor * region.distance(moved)
        near = (moved - behind).norm(dim=-1) <= _STRETCH * seam
        share = torch.where(near, _falloff(distance, seam), (distance < 0).to(distance))[..., None]
        return torch.where(share == 0, behind, behind + share * (moved - behind))

    return inverse_map


def _with_surroundings(model: SinGANSampler, region: Region) -> Region:
    """The region with what the coarsest network has to see around it to draw it."""
    coarsest, finest = model.scaled_sizes()[0], model.scaled_sizes()[-1]
    grown = region.grown(model.generator.padding.radius * (finest[1] - 1) / (coarsest[1] - 1))
    return region if grown.inside.all() else grown


def _falloff(distance: Tensor, width: float) -> Tensor:
    """From 1 inside to 0 at ``width`` pixels outside, smooth at both ends."""
    if width == 0:
        return (distance < 0).to(distance)
    t = (1 - distance / width).clamp(0, 1)
    return t * t * (3 - 2 * t)
