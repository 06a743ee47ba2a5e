"""How real pictures become those of a scale: stretched, cropped or letterboxed to its shape, and resized."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.numbers import check_real, shown

FITS = ('stretch', 'crop', 'letterbox')
BLACK = -1.0


def resize(pictures: Tensor, size: Size, fit: str = 'stretch', bars: float = BLACK, **options) -> Tensor:
    """Resize pictures to a size, of their own shape or another.

    Args:
        pictures: (N, C, H, W) in [-1, 1], which it stays in.
        size: (height, width).
        fit: What becomes of another shape: ``stretch`` squeezes it, ``crop`` cuts it to its center, ``letterbox``
            lays bars along two sides.
        bars: Their value, in [-1, 1].
        **options: As :func:`torch.nn.functional.interpolate` takes them.

    Returns:
        (N, C, height, width).

    Raises:
        InputError: If ``fit`` or ``bars`` cannot be.

    >>> import torch
    >>> wide = torch.linspace(-1, 1, 8).expand(1, 3, 4, 8)
    >>> resize(wide, (4, 4), 'crop', mode='bilinear')[0, 0, 0]
    tensor([-0.4286, -0.1429,  0.1429,  0.4286])
    >>> resize(wide, (4, 4), 'letterbox', mode='bilinear')[0, 0, :, 0]
    tensor([-1.0000, -0.8571, -0.8571, -1.0000])
    """
    check_fit(fit, bars)
    return fitted(pictures, size, lambda x, to: F.interpolate(x, to, **options).clamp(-1, 1), fit, bars)


def fitted(
    pictures: Tensor, size: Size, stretch: Callable[[Tensor, Size], Tensor], fit: str = 'stretch', bars: float = BLACK
) -> Tensor:
    """Pictures of a size, as :func:`resize` has it, whatever their numbers are and resize them.

    Args:
        pictures: (N, C, H, W).
        size: (height, width).
        stretch: Resizes pictures to exactly a size.
        fit: One of :data:`FITS`.
        bars: The value of what is laid beside a letterboxed picture.
    """
    size = tuple(size)
    if fit == 'crop':
        pictures = _cropped(pictures, size)
    inside = _inside(tuple(pictures.shape[-2:]), size) if fit == 'letterbox' else size
    if tuple(pictures.shape[-2:]) != inside:
        pictures = stretch(pictures, inside)
    top, left = ((full - part) // 2 for full, part in zip(size, inside))
    margins = (left, size[1] - inside[1] - left, top, size[0] - inside[0] - top)
    return F.pad(pictures, margins, value=bars) if any(margins) else pictures


def check_fit(fit: str, bars: float = BLACK) -> None:
    """Refuse a way of fitting that there is not.

    Raises:
        InputError: If one of the two cannot be.
    """
    if fit not in FITS:
        raise InputError(f'fit={shown(fit)} cannot work: it is one of {", ".join(FITS)}')
    check_real(-1, 1, bars=bars)


def _cropped(pictures: Tensor, size: Size) -> Tensor:
    """The largest center of the shape of ``size``, to whole pixels."""
    height, width = pictures.shape[-2:]
    rows = min(height, max(1, round(width * size[0] / size[1])))
    columns = min(width, max(1, round(height * size[1] / size[0])))
    top, left = (height - rows) // 2, (width - columns) // 2
    return pictures[..., top : top + rows, left : left + columns]


def _inside(picture: Size, size: Size) -> Size:
    """(H, W) of a picture that just fits into a size, to whole pixels."""
    factor = min(size[0] / picture[0], size[1] / picture[1])
    return tuple(max(1, min(full, round(length * factor))) for length, full in zip(picture, size))
