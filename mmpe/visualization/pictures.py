"""Images as files, one by one or on a sheet."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from mmpe.errors import InputError
from mmpe.files import write_atomic

_GAP, _CAPTION, _BACKGROUND, _SMALLEST = 6, 14, 'white', 128


MADE_BY = 'made by mmpe'
_maker = ContextVar('maker', default=MADE_BY)


@contextmanager
def made_by(tool: str) -> Iterator[None]:
    """Let files say that a tool has made them, as ``made by mmpe TOOL``, so that it knows them again."""
    token = _maker.set(f'{MADE_BY} {tool}')
    try:
        yield
    finally:
        _maker.reset(token)


def maker() -> str:
    """What files say, see :func:`made_by`."""
    return _maker.get()


def to_picture(image: Tensor) -> Image.Image:
    """Turn (3, H, W) or (1, 3, H, W) RGB in [-1, 1] (clipped) into a picture."""
    pixels = image.detach().float().reshape(image.shape[-3:]).clamp(-1, 1).add(1).mul(127.5).round()
    return Image.fromarray(pixels.byte().permute(1, 2, 0).cpu().numpy())


def save_picture(image: Tensor, path: str | Path) -> None:
    """Write one image, (3, H, W) or (1, 3, H, W) in [-1, 1]; the folder is made."""
    write_picture(to_picture(image), path)


def write_picture(picture: Image.Image, path: str | Path, **options) -> None:
    """Write a picture in the format that the file's name ends in; the folder is made.

    Args:
        picture: RGB.
        path: The file.
        **options: Of Pillow's ``save``.

    Raises:
        InputError: If Pillow writes no format of that ending.
        WriteError: If the file cannot be written; what was there before is kept.
    """
    suffix = Path(path).suffix.lower()
    picture_format = Image.registered_extensions().get(suffix)
    if picture_format not in Image.SAVE:
        raise InputError(f'{path} cannot be written: no format for pictures ends in {suffix!r}; try .png')
    content = io.BytesIO()  # given a file, Pillow overlooks that only a part of a JPEG could be written
    picture.save(content, picture_format, **_marks(picture_format), **options)
    write_atomic(path, content.getvalue())


def picture_bytes(image: Tensor) -> int:
    """The size of the file, a PNG, that :func:`save_picture` would write."""
    file = io.BytesIO()
    to_picture(image).save(file, 'PNG')
    return file.tell()


def save_sheet(
    images: Sequence[Tensor], path: str | Path, captions: Sequence[str] | None = None, columns: int | None = None
) -> None:
    """Write images of any sizes on one sheet, row by row.

    Args:
        images: (3, H, W) or (1, 3, H, W) each, in [-1, 1]; if all are small, in larger pixels.
        path: The file; its folder is made.
        captions: A line under each.
        columns: Images a row; None makes the sheet about square.
    """
    times = max(1, math.ceil(_SMALLEST / max(min(image.shape[-2:]) for image in images)))
    pictures = [_enlarge(to_picture(image), times) for image in images]
    width, height = (max(sizes) for sizes in zip(*(p.size for p in pictures)))
    height += _CAPTION if captions else 0
    columns = columns or max(1, round(math.sqrt(len(pictures) * height / width)))
    rows = math.ceil(len(pictures) / columns)
    sheet = Image.new('RGB', (columns * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for i, picture in enumerate(pictures):
        x, y = _GAP + i % columns * (width + _GAP), _GAP + i // columns * (height + _GAP)
        sheet.paste(picture, (x, y))
        if captions:
            draw.text((x, y + picture.height + 1), captions[i], fill='black')
    write_picture(sheet, path)


def _marks(picture_format: str) -> dict:
    """Pillow's options for a file that says who has made it."""
    if picture_format == 'PNG':
        info = PngInfo()
        info.add_text('Software', maker())
        return dict(pnginfo=info)
    names = dict(GIF='comment', WEBP='xmp')
    return {names[picture_format]: maker().encode()} if picture_format in names else {}


def _enlarge(picture: Image.Image, times: int) -> Image.Image:
    return picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)
