"""Decoding a picture at a fraction of its size, and resizing it to the size that is needed."""

from __future__ import annotations

from PIL import Image

Box = tuple[float, float, float, float]  # left, top, right, bottom

_MOST_HALVINGS = 5  # of a JPEG 2000 file, by default


def decode_reduced(image: Image.Image, least: int) -> int:
    """Set an opened picture to be decoded at 1/2, 1/4, ... of its size, if its format allows that.

    Args:
        image: The picture, opened and not yet loaded. JPEG and JPEG 2000 can be reduced, and others stay as they are.
        least: How many pixels of the short side must be left.

    Returns:
        How many times smaller the picture becomes. Its sides are rounded up.

    >>> Image.new('RGB', (640, 480)).save('large.jpg')
    >>> decode_reduced(Image.open('large.jpg'), least=100)
    4
    """
    times = min(image.size) // least
    if times < 2:
        return 1
    if image.format in ('JPEG', 'MPO'):
        before = image.width
        drafted = image.draft(None, (least, least))
        return round(before / drafted[1][2]) if drafted else 1
    if image.format == 'JPEG2000':
        image.reduce = min(times.bit_length() - 1, _MOST_HALVINGS)
        return 2**image.reduce
    return 1


def fit(image: Image.Image, size: tuple[int, int], box: Box | None = None) -> Image.Image:
    """Resize a picture (Lanczos, antialiased) until it just covers a size, and crop it to the center.

    ``PIL.ImageOps.fit`` gives the same bits for pictures that fill all of their pixels. A picture that was decoded at a
    fraction of its size may not: at half size 5 pixels are 2.5, and the last of 3 is half empty.

    Args:
        image: The picture.
        size: (height, width) of the result.
        box: Left, top, right and bottom of the content, in pixels of ``image``. None: it fills all pixels.

    >>> fit(Image.new('RGB', (60, 40)), (8, 16)).size
    (16, 8)
    """
    left, top, right, bottom = box or (0, 0, *image.size)
    width, height = right - left, bottom - top
    ratio = size[1] / size[0]
    if width / height > ratio:
        left += (width - ratio * height) * 0.5
        width = ratio * height
    elif width / height < ratio:
        top += (height - width / ratio) * 0.5
        height = width / ratio
    return image.resize(size[::-1], Image.Resampling.LANCZOS, box=(left, top, left + width, top + height))
