"""Put many pictures on one: in a grid, in rows of the same height, or in a column."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw
from torch import Tensor

from .saving import to_picture, write_picture

_BACKGROUND, _INK = 'white', 'black'
_GRID_GAP, _GRID_CAPTION, _GRID_SMALLEST = 6, 14, 128  # pixels
_ROW_GAP, _ROW_CAPTION = 8, 16

Captioned = tuple[str, Image.Image]


def save_sheet(
    images: Sequence[Tensor], path: str | Path, captions: Sequence[str] | None = None, columns: int | None = None
) -> None:
    """Write images of any sizes on one sheet, in a grid, row by row.

    Args:
        images: (3, H, W) or (1, 3, H, W) each, in [-1, 1]. If all of them are small, their pixels are enlarged.
        path: The file. Missing folders are made.
        captions: One line for each image, below it.
        columns: Images per row. None makes the sheet about square.

    >>> import torch
    >>> save_sheet([torch.zeros(3, 32, 48), torch.ones(3, 48, 32)], 'sheet.png', captions=['gray', 'white'])
    """
    times = max(1, math.ceil(_GRID_SMALLEST / max(min(image.shape[-2:]) for image in images)))
    pictures = [_enlarge(to_picture(image), times) for image in images]
    width, height = (max(sizes) for sizes in zip(*(p.size for p in pictures)))
    height += _GRID_CAPTION if captions else 0
    columns = columns or max(1, round(math.sqrt(len(pictures) * height / width)))
    rows = math.ceil(len(pictures) / columns)
    sheet = _blank(columns * (width + _GRID_GAP) + _GRID_GAP, rows * (height + _GRID_GAP) + _GRID_GAP)
    for i, (caption, picture) in enumerate(zip(captions or [''] * len(pictures), pictures)):
        x, y = (_GRID_GAP + n * (side + _GRID_GAP) for n, side in ((i % columns, width), (i // columns, height)))
        _paste(sheet, picture, (x, y), caption, below=1)
    write_picture(sheet, path)


def in_rows(pictures: Sequence[Captioned], height: int = 256, width: int = 1600) -> Image.Image:
    """Put pictures of any shapes on one, all at the same height, each with a caption below it.

    Args:
        pictures: Captions and pictures, in the order in which they are shown. Enlarged pixels stay sharp squares.
        height: Height of every picture, in pixels.
        width: Where a new row begins, in pixels. A single picture may be wider.

    >>> pictures = [('a', Image.new('RGB', (20, 10))), ('b', Image.new('RGB', (10, 10)))]
    >>> in_rows(pictures, height=20).size
    (84, 52)
    """
    scaled = [(caption, _of_height(picture, height)) for caption, picture in pictures]
    rows = list(_wrapped(scaled, width))
    step = height + _ROW_CAPTION + _ROW_GAP
    sheet = _blank(max(map(_row_width, rows)), len(rows) * step + _ROW_GAP)
    for i, row in enumerate(rows):
        x = _ROW_GAP
        for caption, picture in row:
            _paste(sheet, picture, (x, _ROW_GAP + i * step), caption, below=2)
            x += picture.width + _ROW_GAP
    return sheet


def below_each_other(pictures: Sequence[Image.Image]) -> Image.Image:
    """Put pictures in a column, aligned at the left, on white.

    >>> below_each_other([Image.new('RGB', (20, 10)), Image.new('RGB', (30, 5))]).size
    (30, 15)
    """
    sheet = _blank(max(p.width for p in pictures), sum(p.height for p in pictures))
    y = 0
    for picture in pictures:
        sheet.paste(picture, (0, y))
        y += picture.height
    return sheet


def _blank(width: int, height: int) -> Image.Image:
    return Image.new('RGB', (width, height), _BACKGROUND)


def _paste(sheet: Image.Image, picture: Image.Image, corner: tuple[int, int], caption: str, below: int) -> None:
    x, y = corner
    sheet.paste(picture, corner)
    ImageDraw.Draw(sheet).text((x, y + picture.height + below), caption, fill=_INK)


def _enlarge(picture: Image.Image, times: int) -> Image.Image:
    return picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)


def _of_height(picture: Image.Image, height: int) -> Image.Image:
    width = max(1, round(picture.width * height / picture.height))
    filter_ = Image.Resampling.NEAREST if height > picture.height else Image.Resampling.LANCZOS
    return picture.convert('RGB').resize((width, height), filter_)


def _wrapped(pictures: Iterable[Captioned], width: int) -> Iterator[list[Captioned]]:
    row = []
    for captioned in pictures:
        if row and _row_width([*row, captioned]) > width + _ROW_GAP:
            yield row
            row = []
        row.append(captioned)
    yield row


def _row_width(row: Sequence[Captioned]) -> int:
    return sum(picture.width + _ROW_GAP for _, picture in row) + _ROW_GAP
