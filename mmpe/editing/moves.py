"""Edits of one region: its places appear elsewhere, larger, twice, mirrored, or not at all."""

from __future__ import annotations

import torch
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Box, InverseMap
from mmpe.models.singan import SinGANModel
from mmpe.numbers import check_above, check_numbers, check_real

from .covers import cover
from .edited import Edited
from .injection import MOST_TIMES
from .places import identity, pixel_positions
from .redrawing import redraw
from .regions import Region

_STRETCH = 2  # pixels that one pixel of a smooth seam may stand for


def move(
    model: SinGANModel,
    region: Box | Tensor,
    by: tuple[float, float],
    start_scale: int = 1,
    seam: float = 3,
    **options,
) -> Edited:
    """Move a region; what was around it covers its old place.

    At start scale 0 a region takes its surroundings along, as far as the network sees at that scale: it draws nothing
    of which it does not see the surroundings.

    Args:
        model (SinGANModel): Trained.
        region (Box | Tensor): (left, top, width, height), or a mask (1, 1, H, W).
        by (tuple[float, float]): (right, down) in pixels.
        start_scale (int): See :func:`~mmpe.editing.redrawing.redraw`.
        seam (float): Pixels around the region's new place over which a small displacement falls off.
        **options: See :func:`~mmpe.editing.redrawing.redraw`.

    Returns:
        Edited: With the reconstruction kept out of reach.

    Raises:
        InputError: If the region is none, or nothing of it stays in the picture; also as :func:`redraw`.
    """
    own = Region.of(region, model.scaled_sizes()[-1])
    places = transplant(_part(model, own, start_scale), shift(by), _background(model, own, start_scale), seam=seam)
    return redraw(model, places, start_scale=start_scale, **options)


def duplicate(
    model: SinGANModel,
    region: Box | Tensor,
    by: tuple[float, float],
    start_scale: int = 1,
    seam: float = 3,
    **options,
) -> Edited:
    """Show a region a second time; as :func:`move`, but it also stays where it is."""
    own = Region.of(region, model.scaled_sizes()[-1])
    places = transplant(_part(model, own, start_scale), shift(by), identity, seam=seam)
    return redraw(model, places, start_scale=start_scale, **options)


def scale(
    model: SinGANModel,
    region: Box | Tensor,
    factor: float,
    anchor: str = 'bottom',
    start_scale: int = 1,
    seam: float = 3,
    **options,
) -> Edited:
    """Make a region larger or smaller; as :func:`move`, but for what follows.

    Args:
        model (SinGANModel): Trained.
        region (Box | Tensor): (left, top, width, height), or a mask (1, 1, H, W).
        factor (float): Above 0; 2 is twice as high and wide.
        anchor (str): What of its box stays in place: 'bottom' (the middle of its lower edge: what stands goes on
            standing), 'center' or 'top'.
        start_scale (int): See :func:`~mmpe.editing.redrawing.redraw`.
        seam (float): As for :func:`move`.
        **options: See :func:`~mmpe.editing.redrawing.redraw`.

    Raises:
        InputError: If the region is none, the factor is not above 0, or the anchor is another; also as :func:`redraw`.
    """
    own = Region.of(region, model.scaled_sizes()[-1])
    enlarged, background = zoom(own.box, factor, anchor), _background(model, own, start_scale)
    places = transplant(_part(model, own, start_scale), enlarged, background, factor, seam)
    return redraw(model, places, start_scale=start_scale, **options)


def mirror(
    model: SinGANModel, region: Box | Tensor, axis: str = 'x', start_scale: int = 1, seam: float = 3, **options
) -> Edited:
    """Mirror a region within its box; as :func:`move`, but ``axis`` 'x' swaps left and right, 'y' top and bottom."""
    own = Region.of(region, model.scaled_sizes()[-1])
    places = transplant(
        _part(model, own, start_scale), flip(own.box, axis), _background(model, own, start_scale), seam=seam
    )
    return redraw(model, places, start_scale=start_scale, **options)


def remove(model: SinGANModel, region: Box | Tensor, start_scale: int = 1, **options) -> Edited:
    """Let a region's surroundings continue into it; as :func:`move`."""
    own = Region.of(region, model.scaled_sizes()[-1])
    places = cover(model, own, start_scale)
    return redraw(model, places, start_scale=start_scale, **options)


def _background(model, region, start_scale) -> InverseMap:
    """What is to be seen where a region was; the whole picture leaves no such place."""
    return identity if region.inside.all() else cover(model, region, start_scale)


def _part(model, region, start_scale) -> Region:
    """The region, at start scale 0 with what the network has to see around it to draw it."""
    if start_scale:
        return region
    coarsest, finest = model.scaled_sizes()[0], model.scaled_sizes()[-1]
    grown = region.grown(model.generator.border.reach * (finest[1] - 1) / (coarsest[1] - 1))
    return region if grown.inside.all() else grown


def shift(by: tuple[float, float]) -> InverseMap:
    """Where a position comes from if everything has been moved by (right, down)."""
    check_numbers(check_real, 2, by=by)
    return lambda positions: positions - positions.new_tensor(by)


def zoom(box: Box, factor: float, anchor: str = 'center') -> InverseMap:
    """Where a position comes from if everything has been enlarged about a point of a box.

    Raises:
        InputError: If the factor is not above 0, or there is no such anchor.
    """
    check_above(0, MOST_TIMES, factor=factor)
    left, top, width, height = box
    heights = dict(top=0, center=(height - 1) / 2, bottom=height - 1)
    if anchor not in heights:
        raise InputError(f'there is no anchor {anchor!r}: it is one of {", ".join(heights)}')
    fixed = left + (width - 1) / 2, top + heights[anchor]
    return lambda positions: (positions - positions.new_tensor(fixed)) / factor + positions.new_tensor(fixed)


def flip(box: Box, axis: str) -> InverseMap:
    """Where a position comes from if everything has been mirrored about the middle of a box.

    Raises:
        InputError: If the axis is not x or y.
    """
    if axis not in ('x', 'y'):
        raise InputError(f'a region is mirrored along x or y, not {axis!r}')
    left, top, width, height = box
    signs = (-1, 1) if axis == 'x' else (1, -1)
    offsets = (2 * left + width - 1, 0) if axis == 'x' else (0, 2 * top + height - 1)
    return lambda positions: positions * positions.new_tensor(signs) + positions.new_tensor(offsets)


def transplant(
    region: Region, origin: InverseMap, background: InverseMap, factor: float = 1, seam: float = 0
) -> InverseMap:
    """Show a region elsewhere.

    Around its new place it goes over into the background by a smooth warp. Where the two are far from each other a warp
    would squeeze all that lies between them into the seam; there it is a cut, which the network closes.

    Args:
        region (Region): Of the trained picture.
        origin (Callable): Where a position comes from in the region's own frame; a similarity.
        background (Callable): What is to be seen around the region's new place.
        factor (float): By how much the similarity enlarges.
        seam (float): Width of the smooth warp in pixels.

    Raises:
        InputError: If the new place is outside of the picture, or the seam is negative.
    """
    check_real(0, max(region.size), seam=seam)
    if not bool((region.distance(origin(pixel_positions(region.size))) < 0).any()):
        raise InputError('nothing of the region would be left in the picture: to take it away, remove it')

    def places(positions: Tensor) -> Tensor:
        moved, behind = origin(positions), background(positions)
        distance = factor * region.distance(moved)
        near = (moved - behind).norm(dim=-1) <= _STRETCH * seam
        share = torch.where(near, _falloff(distance, seam), (distance < 0).to(distance))[..., None]
        return torch.where(share == 0, behind, behind + share * (moved - behind))

    return places


def _falloff(distance: Tensor, width: float) -> Tensor:
    """From 1 inside to 0 at ``width`` pixels outside, smooth at both ends."""
    if width == 0:
        return (distance < 0).to(distance)
    t = (1 - distance / width).clamp(0, 1)
    return t * t * (3 - 2 * t)
