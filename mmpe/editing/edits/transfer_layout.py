"""Lay the picture out as a sketch: the sketch says where each thing will be, and labels say where it is."""

from __future__ import annotations

import numpy as np
import scipy
import torch
from PIL import ImageColor
from torch import Tensor

from mmpe.datasets.picture_files import read_picture
from mmpe.errors import InputError
from mmpe.grid import Box, InverseMap, Size
from mmpe.models.singan import SinGANSampler
from mmpe.numbers import size_text

from ..edited import Edited
from ..inverse_maps import nearest_pixel, pixel_positions
from ..redrawing import redraw
from ..regions import Region
from ..tasks import Drawing, File, task

_SAME_COLOR = 24  # of 255 in each channel: what compression does to a flat color
_LEAST_SHARE = 0.002  # of a picture; a color with fewer pixels is a blend at an edge


def transfer_layout(model: SinGANSampler, sketch: Tensor, labels: Tensor, **options) -> Edited:
    """Draw the picture's things as a sketch lays them out.

    A thing is an area of one flat color, in the sketch and in the labels alike. An area of the sketch shows the area of
    its color in the picture, box to box. Where that box extends beyond the area, the area is mirrored at its edge. If
    both have the same number of separate areas of a color, each is paired with the nearest. Where areas meet there is a
    cut, which the network closes: a smooth warp would squeeze what lies between the two areas into it.

    Args:
        model: Trained.
        sketch: (1, 3, h, w) in [-1, 1], of a few flat colors and any size; it is laid over the whole picture.
        labels: (1, 3, h, w), likewise: what is where in the trained picture.
        **options: See :func:`~mmpe.editing.redraw`.

    Returns:
        The images. The reconstruction is kept where nothing has moved, if there is such a place.

    Raises:
        InputError: If the labels do not have a color of the sketch, or too little of it; also as :func:`redraw`.

    >>> from mmpe.editing import box_mask
    >>> from mmpe.editing.example import example_singan
    >>> labels, sketch = (box_mask((left, 6, 8, 10), (24, 32)).expand(1, 3, -1, -1) for left in (4, 18))
    >>> transfer_layout(example_singan(), sketch, labels, num=2).images.shape
    torch.Size([2, 3, 24, 32])
    """
    size = model.scaled_sizes()[-1]
    palette = flat_colors(labels)
    for color in flat_colors(sketch):
        if np.abs(palette - color).max(1).min() > _SAME_COLOR:
            known = ', '.join(map(_name, palette))
            raise InputError(f'the sketch has the color {_name(color)}, which the labels have not: they have {known}')
    wanted, present = (_numbers(picture, palette, size) for picture in (sketch, labels))
    for number in np.setdiff1d(wanted, present):
        raise InputError(
            f'nothing of the color {_name(palette[number])} is left of the labels at the size of the picture, '
            f'{size_text(size)}: make its area larger'
        )
    edited = redraw(model, rearrange(wanted, present), **options)
    edited.before.update(labels=_resized(labels, size), sketch=_resized(sketch, size))
    return edited


def flat_colors(picture: Tensor) -> np.ndarray:
    """The colors that cover more than a blend at an edge would, (K, 3) in 0..255, the most frequent first.

    >>> flat_colors(torch.tensor([-1.0, -1, 1]).expand(1, 3, 4, 3)).tolist()
    [[0, 0, 0], [255, 255, 255]]
    """
    pixels = _pixels(picture).reshape(-1, 3)
    colors, counts = np.unique(pixels, axis=0, return_counts=True)
    found = []
    for i in np.argsort(-counts, kind='stable'):
        if all(np.abs(colors[i] - other).max() > _SAME_COLOR for other in found):
            near = np.abs(pixels - colors[i]).max(1) <= _SAME_COLOR
            if near.mean() < _LEAST_SHARE:
                break
            found.append(colors[i])
    return np.array(found)


def rearrange(wanted: np.ndarray, present: np.ndarray) -> InverseMap:
    """The inverse map that shows each number's area where it is wanted.

    Args:
        wanted: (H, W), the number at each pixel of the new picture.
        present: (H, W), the number at each pixel of the trained one; every wanted number is there.

    >>> inverse_map = rearrange(np.array([[0, 0, 0, 1]]), np.array([[1, 0, 0, 0]]))
    >>> inverse_map(torch.tensor([[3.0, 0.0]], dtype=torch.float64)).tolist()
    [[0.0, 0.0]]
    """
    positions = pixel_positions(present.shape)
    displacement = torch.zeros_like(positions)
    for number in np.unique(wanted):
        for there, here in _pairs(wanted == number, present == number):
            there, here = (Region(torch.from_numpy(area.astype('float32'))[None, None]) for area in (there, here))
            shown = here.reflect_in(_box_to_box(positions, there.box, here.box))
            displacement[there.inside] = (shown - positions)[there.inside]
    return lambda positions: positions + nearest_pixel(displacement, positions)


def _pairs(wanted: np.ndarray, present: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Separate areas of one number, wanted and present; if the counts differ, each shows all that is present."""
    there, here = (
        [areas == i + 1 for i in range(count)] for areas, count in map(scipy.ndimage.label, (wanted, present))
    )
    if len(there) != len(here):
        return [(area, present) for area in there]
    centers = [np.array([np.argwhere(area).mean(0) for area in areas]) for areas in (there, here)]
    distances = np.linalg.norm(centers[0][:, None] - centers[1], axis=-1)
    return [(there[i], here[j]) for i, j in zip(*scipy.optimize.linear_sum_assignment(distances))]


def _box_to_box(positions: Tensor, there: Box, here: Box) -> Tensor:
    factor = [h / t for h, t in zip(here[2:], there[2:])]
    # boxes extend half a pixel from the centers of their outer pixels
    offset = [h - 0.5 - (t - 0.5) * f for h, t, f in zip(here, there, factor)]
    return positions * positions.new_tensor(factor) + positions.new_tensor(offset)


def _numbers(picture: Tensor, palette: np.ndarray, size: Size) -> np.ndarray:
    """Which color of a palette each pixel has at another size, (H, W)."""
    pixels = _pixels(_resized(picture, size))
    return np.abs(pixels[:, :, None] - palette).sum(-1).argmin(-1)


def _pixels(picture: Tensor) -> np.ndarray:
    """(H, W, 3), 0..255."""
    return picture[0].add(1).mul(127.5).round().movedim(0, -1).cpu().numpy().astype(int)


def _resized(picture: Tensor, size: Size) -> Tensor:
    return torch.nn.functional.interpolate(picture, tuple(size), mode='nearest-exact')


def _name(color: np.ndarray) -> str:
    """Such as ``#ff0000 (red)``."""
    code = '#' + ''.join(f'{int(c):02x}' for c in color)
    # not by the map's values: Pillow replaces them as it goes
    names = [name for name in ImageColor.colormap if ImageColor.getrgb(name) == tuple(color)]
    return f'{code} ({names[0]})' if names else code


@task('layout', '--sketch wanted.png --labels present.png')
def layout_task(model: SinGANSampler, *, sketch: File, labels: File, drawing: Drawing) -> Edited:
    """Lay the picture out as a sketch.

    Args:
        sketch: a picture of a few flat colors: what is to be where
        labels: a picture of the same colors: what is where in the trained one
    """
    return transfer_layout(model, read_picture(sketch), read_picture(labels), **drawing.options())
