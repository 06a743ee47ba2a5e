"""Images as files."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from torch import Tensor

from mmpe.errors import InputError
from mmpe.files import write_atomic

from .marks import mark


def to_picture(image: Tensor) -> Image.Image:
    """Turn an image into a picture of Pillow's.

    Args:
        image: (3, H, W) or (1, 3, H, W), RGB in [-1, 1]. Values outside are clipped.

    >>> import torch
    >>> to_picture(torch.zeros(3, 32, 48)).size
    (48, 32)
    """
    pixels = image.detach().float().reshape(image.shape[-3:]).clamp(-1, 1).add(1).mul(127.5).round()
    return Image.fromarray(pixels.byte().permute(1, 2, 0).cpu().numpy())


def save_picture(image: Tensor, path: str | Path) -> None:
    """Write one image to a file. See :func:`to_picture` for images, and :func:`write_picture` for paths and errors.

    >>> import torch
    >>> save_picture(torch.zeros(3, 32, 48), 'gray.png')
    """
    write_picture(to_picture(image), path)


def write_picture(picture: Image.Image, path: str | Path, **options) -> None:
    """Write a picture in the format that the file's extension stands for.

    Args:
        picture: An RGB picture.
        path: The file. Missing folders are made.
        **options: More options of Pillow's ``save``.

    Raises:
        InputError: If Pillow writes no format with that extension.
        WriteError: If the file cannot be written. An earlier file of that name is kept.

    >>> write_picture(Image.new('RGB', (48, 32)), 'black.webp', lossless=True)
    """
    write_atomic(path, encode_picture(picture, path, **options))


def encode_picture(picture: Image.Image, name: str | Path, **options) -> bytes:
    """The content of the file that :func:`write_picture` writes; arguments and errors are the same.

    >>> encode_picture(Image.new('RGB', (48, 32)), 'black.png')[1:4]
    b'PNG'
    """
    suffix = Path(name).suffix.lower()
    picture_format = Image.registered_extensions().get(suffix)
    if picture_format not in Image.SAVE:
        raise InputError(f'{name} cannot be written: no format for pictures ends in {suffix!r}; try .png')
    content = io.BytesIO()  # given a file, Pillow overlooks that only a part of a JPEG could be written
    picture.save(content, picture_format, **mark(picture_format), **options)
    return content.getvalue()


def picture_bytes(image: Tensor) -> int:
    """The size in bytes of the PNG that an image becomes, without the mark of its maker.

    >>> import torch
    >>> picture_bytes(torch.zeros(3, 32, 48)) < 1000
    True
    """
    file = io.BytesIO()
    to_picture(image).save(file, 'PNG')
    return file.tell()
