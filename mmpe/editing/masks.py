"""Where an edit may change the picture: masks, (1, 1, H, W), from 0 (stays) to 1 (changes)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import skimage
import torch
from torch import Tensor

from mmpe.datasets.image_pyramid import resize
from mmpe.datasets.picture_files import read_picture
from mmpe.errors import InputError
from mmpe.grid import Box, Size
from mmpe.names import printable
from mmpe.numbers import MOST_WHOLE, check_numbers, check_whole, size_text

_SAME_SHAPE = 0.05  # by how much rounding may make aspect ratios differ


def fit(picture: Tensor, size: Size, name: str) -> Tensor:
    """A picture or mask (N, C, H, W) at another size of the same shape, as pictures to train on are resized.

    Args:
        picture: (N, C, H, W).
        size: (height, width).
        name: What an error calls the picture.

    Raises:
        InputError: If the aspect ratio is another.

    >>> fit(torch.zeros(1, 3, 48, 64), size=(24, 32), name='the picture').shape
    torch.Size([1, 3, 24, 32])
    """
    height, width = picture.shape[-2:]
    if (height, width) == tuple(size):
        return picture
    if abs(width / height * size[0] / size[1] - 1) > _SAME_SHAPE:
        raise InputError(
            f'{name} is {size_text((height, width))} pixels: give one of {size_text(size)}, or of another size of that '
            'shape'
        )
    return resize(picture, size)


def read_mask(path: str | Path, size: Size) -> Tensor:
    """Read a mask that is white where things may change, and fit it to ``size`` (height, width).

    Returns:
        (1, 1, H, W), 0 or 1.

    Raises:
        InputError: If the file cannot be read, or the mask has another shape or is the same everywhere.

    >>> from PIL import Image
    >>> mask = Image.new('L', (64, 48))
    >>> mask.paste(255, (8, 8, 24, 24))
    >>> mask.save('mask.png')
    >>> read_mask('mask.png', size=(24, 32)).sum().item()
    64.0
    """
    name = f'the mask {printable(path)}'
    mask = fit(read_picture(path).mean(1, keepdim=True).add(1).div(2), size, name).clamp(0, 1)
    if mask.max() < 0.5:
        raise InputError(f'{name} is black everywhere: paint white what is to change')
    if mask.min() >= 0.5:
        raise InputError(f'{name} is white everywhere (transparent parts count as white): paint black what is to stay')
    return (mask >= 0.5).float()


def box_mask(box: Box, size: Size) -> Tensor:
    """The mask (1, 1, H, W) of a rectangle (left, top, width, height), in pixels of a picture of ``size``.

    Raises:
        InputError: If the box is empty or leaves the picture.

    >>> box_mask((1, 0, 2, 2), size=(3, 4))[0, 0].tolist()
    [[0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    check_numbers(partial(check_whole, -MOST_WHOLE), 4, box=box)
    left, top, width, height = box
    if min(width, height) < 1 or min(left, top) < 0 or left + width > size[1] or top + height > size[0]:
        raise InputError(
            f'the box {left},{top},{width},{height} (left, top, width, height) does not lie in the picture of '
            f'{size_text(size)} pixels'
        )
    mask = torch.zeros(1, 1, *size)
    mask[..., top : top + height, left : left + width] = 1
    return mask


def dilate(mask: Tensor, radius: int) -> Tensor:
    """Extend a mask (1, 1, H, W) of 0 and 1 by ``radius`` pixels in all directions.

    >>> dilate(box_mask((2, 2, 1, 1), size=(5, 5)), radius=1)[0, 0, 1:4, 1:4].tolist()
    [[0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]]
    """
    if radius < 1 or not mask.any():
        return mask
    near = skimage.morphology.isotropic_dilation(mask[0, 0].cpu().numpy() != 0, radius)
    return torch.from_numpy(near)[None, None].to(mask)


def soften(mask: Tensor, width: float) -> Tensor:
    """Let a mask (1, 1, H, W) fall from 1 to 0 smoothly within ``width`` pixels inside its edge; outside it stays 0.

    >>> soft = soften(box_mask((4, 0, 8, 1), size=(1, 12)), width=2)[0, 0, 0]
    >>> bool((soft[:4] == 0).all()), bool(0 < soft[4] < soft[5] < soft[7])
    (True, True)
    """
    if width <= 0:
        return mask
    smooth = skimage.filters.gaussian(mask[0, 0].cpu().numpy().astype('float64'), sigma=width / 2, mode='nearest')
    inside = torch.from_numpy(smooth)[None, None].to(mask).mul(2).sub(1).clamp(0, 1)
    return inside * mask


def blend(image: Tensor, background: Tensor, mask: Tensor) -> Tensor:
    """``image`` where the mask is 1, and ``background`` to the bit where it is 0.

    Shapes are (N, 3, H, W), or what broadcasts to that.

    >>> blend(torch.ones(3), torch.zeros(3), torch.tensor([0, 0.25, 1])).tolist()
    [0.0, 0.25, 1.0]
    """
    return torch.where(mask == 0, background, torch.where(mask == 1, image, background + mask * (image - background)))
