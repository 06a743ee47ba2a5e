"""What a picture would be without a part of it: what is seen in the part's place."""

from __future__ import annotations

import torch
from torch import Tensor

from mmpe.grid import InverseMap
from mmpe.models.singan import SinGANSampler
from mmpe.progress import tracked

from .redrawing import redraw
from .regions import Region

_MARGINS = (1, 2)  # cells of scale 0 around a region that go with it
_DRAWN = 4  # images per cover, because the result depends on the noise, too


def cover(model: SinGANSampler, region: Region, start_scale: int) -> InverseMap:
    """The inverse map that lets a region's surroundings continue into it.

    Args:
        model: Trained.
        region: Of the trained picture.
        start_scale: Above 0 the picture itself tells what fits; at 0, only what the network makes of it.
    """
    return cover_from_picture(region, model.picture) if start_scale else cover_by_redrawing(model, region)


def cover_from_picture(region: Region, picture: Tensor) -> InverseMap:
    """The part of the picture that fits best; if there is none, the surroundings' mirror image.

    >>> region = Region.of((2, 2, 2, 2), size=(8, 12))
    >>> stripes = torch.arange(12.0).remainder(2).expand(1, 3, 8, 12)
    >>> inverse_map = cover_from_picture(region, stripes)
    >>> inverse_map(torch.tensor([[2.0, 2.0], [7.0, 2.0]], dtype=torch.float64)).tolist()
    [[4.0, 2.0], [7.0, 2.0]]
    """
    found = region.patches(picture)
    return _from(region, found[0]) if found else region.reflect_out


def cover_by_redrawing(model: SinGANSampler, region: Region) -> InverseMap:
    """Of several covers, the one whose drawing is most like what was asked for.

    To a network a jump of coordinates is, more or less, all that lies between its two sides: what was taken away may
    come back at the seam of what covers it. Whether it does is seen when the cover is drawn.
    """
    width = model.scaled_sizes()[-1][1] / model.scaled_sizes()[0][1]
    grown = [region.grown(cells * width) for cells in _MARGINS]
    covers = [cover for part in grown for cover in _candidates(part, model.picture)] or [region.reflect_out]
    errors = [_error(model, region, cover) for cover in tracked(covers, 'cover')]
    return covers[errors.index(min(errors))]


def _candidates(region: Region, picture: Tensor) -> list[InverseMap]:
    if region.inside.all():
        return []
    return [*(_from(region, by) for by in region.patches(picture)), region.reflect_out]


def _error(model: SinGANSampler, region: Region, inverse_map: InverseMap) -> float:
    drawn = redraw(model, inverse_map, num=_DRAWN, start_scale=0)
    difference = drawn.images - drawn.before['copied']
    return difference[..., region.inside].square().mean().item()


def _from(region: Region, by: tuple[int, int]) -> InverseMap:
    """Show in a region what lies ``by`` (right, down) away."""
    return lambda positions: torch.where(
        (region.distance(positions) < 0)[..., None], positions + positions.new_tensor(by), positions
    )
