"""Reading pictures: any file that Pillow knows, or one of scikit-image's."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from mmpe.errors import InputError

SKIMAGE = 'skimage://'


class PictureError(InputError):
    """A picture is not there or cannot be read; the message names it."""

    def __init__(self, message: str):
        # A data loader raises what its worker raised once more, with the worker's whole traceback as the message.
        super().__init__(message.rpartition(f'{type(self).__name__}: ')[2].strip())


def read_picture(path: str) -> Tensor:
    """Read a picture as colour.

    Grey pictures become grey colours, transparent ones are laid on white, EXIF orientation is applied.

    Args:
        path (str): A file, or ``skimage://NAME`` for a picture of ``skimage.data``, such as ``skimage://rocket``.

    Returns:
        Tensor: (1, 3, H, W) RGB, float32 in [-1, 1].

    Raises:
        InputError: If there is no such file or picture, or it is not a picture.
    """
    image = to_rgb(_from_skimage(path[len(SKIMAGE) :])) if path.startswith(SKIMAGE) else open_picture(Path(path))
    pixels = np.asarray(image, dtype=np.float32)
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].div(127.5).sub(1).contiguous()


def open_picture(source: Path | bytes, name: str | Path | None = None) -> Image.Image:
    """A picture file as RGB, upright, laid on white.

    Args:
        source (Path | bytes): The file, or what it contains.
        name (str | Path | None): What an error calls it; None: ``source``.

    Returns:
        PIL.Image.Image: Of mode RGB.

    Raises:
        PictureError: If there is no such file, or it is not a picture.
    """
    in_memory = isinstance(source, bytes)
    name = name or source
    if not in_memory and not source.is_file():
        raise PictureError(f'there is no picture at {name}')
    try:
        with Image.open(io.BytesIO(source) if in_memory else source) as image:
            return to_rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise PictureError(f'{name} cannot be read as a picture: it has no known format') from error
    except Exception as error:  # a broken file can break a decoder in any way
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise PictureError(f'{name} cannot be read as a picture: {reason}') from error


def _from_skimage(name: str) -> Image.Image:
    import skimage.data

    pictures = [n for n in dir(skimage.data) if n in skimage.data.__all__]
    if name not in pictures:
        raise InputError(
            f'scikit-image has no picture {name!r}; it has, among others, astronaut, coffee, chelsea, rocket'
        )
    try:
        pixels = np.asarray(getattr(skimage.data, name)())
        return Image.fromarray(pixels)
    except Exception as error:  # some of skimage.data's names are no pictures, some are downloads
        raise InputError(f'{SKIMAGE}{name} is not a picture that is at hand: {error}') from error


def to_rgb(image: Image.Image) -> Image.Image:
    """``image`` as RGB: 16-bit and float grey scaled to 8 bits, transparency laid on white."""
    if image.mode.startswith(('I', 'F')):  # 16-bit and float grey, which Pillow would clip at 255
        grey = np.asarray(image, dtype=np.float64)
        full = 65535 if image.mode.startswith('I') else max(grey.max(), 1e-12)
        image = Image.fromarray((grey / full * 255).clip(0, 255).round().astype(np.uint8))
    if image.mode in ('LA', 'PA', 'RGBA', 'La', 'RGBa') or 'transparency' in image.info:
        image = image.convert('RGBA')
        image = Image.alpha_composite(Image.new('RGBA', image.size, 'white'), image)
    return image.convert('RGB')
