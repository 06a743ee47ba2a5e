"""Another layout of the same things: a sketch says where each is to be, a map of the picture where each is."""

from __future__ import annotations

import numpy as np
import torch
from PIL import ImageColor
from scipy.ndimage import label
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import InverseMap, Size
from mmpe.models.singan import SinGANModel
from mmpe.numbers import size_text

from .edited import Edited
from .places import nearest_pixel, pixel_positions
from .redrawing import redraw
from .regions import Region

_SAME_COLOUR = 24  # of 255 in each channel: what compression does to a flat colour
_LEAST_SHARE = 0.002  # of a picture; fewer pixels of a colour are blends at an edge


def transfer_layout(model: SinGANModel, sketch: Tensor, labels: Tensor, **options) -> Edited:
    """Draw the picture's things as a sketch lays them out.

    A thing is an area of one flat colour, in the sketch and in the labels alike. An area of the sketch shows the area
    of its colour in the picture, box to box; where that box reaches out of the area, the area is mirrored at its edge.
    If both have as many areas of a colour that do not touch, they are paired, each with the nearest. Where areas meet
    there is a cut, which the network closes: a smooth warp would squeeze what lies between their places into it.

    Args:
        model (SinGANModel): Trained.
        sketch (Tensor): (1, 3, h, w) in [-1, 1] of a few flat colours, of any size; it is laid over all of the picture.
        labels (Tensor): (1, 3, h, w), likewise: which part of the trained picture is what.
        **options: See :func:`~mmpe.editing.redrawing.redraw`.

    Returns:
        Edited: With the reconstruction kept where nothing has moved, if there is such a place.

    Raises:
        InputError: If the sketch has a colour that the labels have not, or have too little of; also as :func:`redraw`.
    """
    size = model.scaled_sizes()[-1]
    palette = flat_colours(labels)
    for colour in flat_colours(sketch):
        if np.abs(palette - colour).max(1).min() > _SAME_COLOUR:
            known = ', '.join(map(_name, palette))
            raise InputError(f'the sketch has the colour {_name(colour)}, which the labels have not: they have {known}')
    wanted, present = (_numbers(picture, palette, size) for picture in (sketch, labels))
    for number in np.setdiff1d(wanted, present):
        raise InputError(
            f'nothing of the colour {_name(palette[number])} is left of the labels at the size of the picture, '
            f'{size_text(size)}: make its area larger'
        )
    edited = redraw(model, rearrange(wanted, present), **options)
    edited.before.update(labels=_shown(labels, size), sketch=_shown(sketch, size))
    return edited


def flat_colours(picture: Tensor) -> np.ndarray:
    """The colours that cover more than a blend at an edge would, (K, 3) in 0..255, the most frequent first."""
    pixels = _pixels(picture).reshape(-1, 3)
    colours, counts = np.unique(pixels, axis=0, return_counts=True)
    found = []
    for i in np.argsort(-counts, kind='stable'):
        if all(np.abs(colours[i] - other).max() > _SAME_COLOUR for other in found):
            near = np.abs(pixels - colours[i]).max(1) <= _SAME_COLOUR
            if near.mean() < _LEAST_SHARE:
                break
            found.append(colours[i])
    return np.array(found)


def rearrange(wanted: np.ndarray, present: np.ndarray) -> InverseMap:
    """The inverse map that shows each number's area where another map wants it.

    Args:
        wanted (numpy.ndarray): (H, W), the number at each pixel of the new picture.
        present (numpy.ndarray): (H, W), the number at each pixel of the trained one; it has all that are wanted.
    """
    positions = pixel_positions(present.shape)
    displacement = torch.zeros_like(positions)
    for number in np.unique(wanted):
        for there, here in _pairs(wanted == number, present == number):
            there, here = (Region(torch.from_numpy(area.astype('float32'))[None, None]) for area in (there, here))
            places = here.enter(_box_to_box(positions, there.box, here.box))
            displacement[there.inside] = (places - positions)[there.inside]
    return lambda positions: positions + nearest_pixel(displacement, positions)


def _pairs(wanted, present) -> list[tuple[np.ndarray, np.ndarray]]:
    """Areas of one number that do not touch, wanted and present; with other counts each shows all that is present."""
    there, here = ([areas == i + 1 for i in range(count)] for areas, count in map(label, (wanted, present)))
    if len(there) != len(here):
        return [(area, present) for area in there]
    centres = [np.array([np.argwhere(area).mean(0) for area in areas]) for areas in (there, here)]
    distances = np.linalg.norm(centres[0][:, None] - centres[1], axis=-1)
    return [(there[i], here[j]) for i, j in zip(*linear_sum_assignment(distances))]


def _box_to_box(positions, there, here) -> Tensor:
    factor = [h / t for h, t in zip(here[2:], there[2:])]
    # boxes reach half a pixel from the centres of their outer pixels
    offset = [h - 0.5 - (t - 0.5) * f for h, t, f in zip(here, there, factor)]
    return positions * positions.new_tensor(factor) + positions.new_tensor(offset)


def _numbers(picture: Tensor, palette: np.ndarray, size: Size) -> np.ndarray:
    """Which colour of a palette each pixel has, at another size, (H, W)."""
    pixels = _pixels(_shown(picture, size))
    return np.abs(pixels[:, :, None] - palette).sum(-1).argmin(-1)


def _pixels(picture: Tensor) -> np.ndarray:
    """(H, W, 3), 0..255."""
    return picture[0].add(1).mul(127.5).round().movedim(0, -1).cpu().numpy().astype(int)


def _shown(picture: Tensor, size: Size) -> Tensor:
    return torch.nn.functional.interpolate(picture, tuple(size), mode='nearest-exact')


def _name(colour: np.ndarray) -> str:
    """Such as ``#ff0000 (red)``."""
    code = '#' + ''.join(f'{int(c):02x}' for c in colour)
    # not by the map's values: Pillow replaces them as it goes
    names = [name for name in ImageColor.colormap if ImageColor.getrgb(name) == tuple(colour)]
    return f'{code} ({names[0]})' if names else code
