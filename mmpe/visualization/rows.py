"""Pictures of different sizes and shapes, in rows of one height."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw

_GAP, _CAPTION, _BACKGROUND = 8, 16, 'white'

Captioned = tuple[str, Image.Image]


def in_rows(pictures: Sequence[Captioned], height: int = 256, width: int = 1600) -> Image.Image:
    """One picture of many, each at the same height with a caption below it; small ones keep their pixels visible.

    Args:
        pictures: Captions and pictures, in this order.
        height: Of each, in pixels.
        width: Beyond which a new row begins; a picture alone may be wider.
    """
    scaled = [(caption, _of_height(picture, height)) for caption, picture in pictures]
    rows = list(_wrapped(scaled, width))
    full = max(sum(picture.width + _GAP for _, picture in row) for row in rows) + _GAP
    sheet = Image.new('RGB', (full, len(rows) * (height + _CAPTION + _GAP) + _GAP), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    y = _GAP
    for row in rows:
        x = _GAP
        for caption, picture in row:
            sheet.paste(picture, (x, y))
            draw.text((x, y + height + 2), caption, fill='black')
            x += picture.width + _GAP
        y += height + _CAPTION + _GAP
    return sheet


def below_each_other(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures in a column, left-aligned on white."""
    sheet = Image.new('RGB', (max(p.width for p in pictures), sum(p.height for p in pictures)), _BACKGROUND)
    y = 0
    for picture in pictures:
        sheet.paste(picture, (0, y))
        y += picture.height
    return sheet


def _of_height(picture: Image.Image, height: int) -> Image.Image:
    width = max(1, round(picture.width * height / picture.height))
    filter_ = Image.Resampling.NEAREST if height > picture.height else Image.Resampling.LANCZOS
    return picture.convert('RGB').resize((width, height), filter_)


def _wrapped(pictures: Sequence[Captioned], width: int) -> Iterator[list[Captioned]]:
    row, used = [], 0
    for caption, picture in pictures:
        if row and used + picture.width + _GAP > width:
            yield row
            row, used = [], 0
        row.append((caption, picture))
        used += picture.width + _GAP
    yield row
