"""What a picture would be without a part of it: what is to be seen in its place."""

from __future__ import annotations

import torch
from torch import Tensor
from tqdm import tqdm

from mmpe.grid import InverseMap
from mmpe.models.singan import SinGANModel

from .redrawing import redraw
from .regions import Region

_MARGINS = (1, 2)  # cells of scale 0 around a region that go with it
_DRAWN = 4  # images of each cover, as noise has a say in it, too


def cover(model: SinGANModel, region: Region, start_scale: int) -> InverseMap:
    """Let a region's surroundings continue into it, as a start scale can make a picture of it.

    Args:
        model (SinGANModel): Trained.
        region (Region): Of the trained picture.
        start_scale (int): See :func:`~mmpe.editing.redrawing.redraw`.
    """
    return _shown(region, model.picture) if start_scale else _told(model, region)


def _shown(region: Region, picture: Tensor) -> InverseMap:
    """A part of the picture that fits, or else the surroundings' mirror image."""
    found = region.patches(picture)
    return _from(region, found[0]) if found else region.leave


def _told(model: SinGANModel, region: Region) -> InverseMap:
    """Of several covers the one whose drawing is most like what was asked for.

    To a network a jump of coordinates is, more or less, all that lies between its two sides: what was taken away may
    come back at the seam of what covers it. Where, and whether, is seen when it is drawn.
    """
    width = model.scaled_sizes()[-1][1] / model.scaled_sizes()[0][1]
    grown = [region.grown(cells * width) for cells in _MARGINS]
    covers = [place for part in grown for place in _candidates(part, model.picture)] or [region.leave]
    bar = tqdm(covers, 'choosing what covers the region', unit='cover', leave=False, disable=None)
    errors = [_error(model, region, places) for places in bar]
    return covers[errors.index(min(errors))]


def _candidates(region: Region, picture: Tensor) -> list[InverseMap]:
    if region.inside.all():
        return []
    return [*(_from(region, by) for by in region.patches(picture)), region.leave]


def _error(model, region, places) -> float:
    drawn = redraw(model, places, num=_DRAWN, start_scale=0)
    difference = drawn.images - drawn.before['copied']
    return difference[..., region.inside].square().mean().item()


def _from(region: Region, by: tuple[int, int]) -> InverseMap:
    """See in a region what is so far away, (right, down)."""
    return lambda positions: torch.where(
        (region.distance(positions) < 0)[..., None], positions + positions.new_tensor(by), positions
    )
