"""Reading pictures: any file that Pillow knows, or one of scikit-image's."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from mmpe.errors import InputError

_SKIMAGE = 'skimage://'


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
    image = _from_skimage(path[len(_SKIMAGE) :]) if path.startswith(_SKIMAGE) else _from_file(Path(path))
    pixels = np.asarray(_to_rgb(image), dtype=np.float32)
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].div(127.5).sub(1).contiguous()


def _from_file(path: Path) -> Image.Image:
    if not path.is_file():
        raise InputError(f'there is no picture at {path}')
    try:
        image = Image.open(path)
        image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f'{path} cannot be read as a picture: {error}') from error
    return ImageOps.exif_transpose(image)


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
        raise InputError(f'{_SKIMAGE}{name} is not a picture that is at hand: {error}') from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(('I', 'F')):  # 16-bit and float grey, which Pillow would clip at 255
        grey = np.asarray(image, dtype=np.float64)
        full = 65535 if image.mode.startswith('I') else max(grey.max(), 1e-12)
        image = Image.fromarray((grey / full * 255).clip(0, 255).round().astype(np.uint8))
    if image.mode in ('LA', 'PA', 'RGBA', 'La', 'RGBa') or 'transparency' in image.info:
        image = image.convert('RGBA')
        image = Image.alpha_composite(Image.new('RGBA', image.size, 'white'), image)
    return image.convert('RGB')
