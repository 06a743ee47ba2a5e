"""TIFFs that Pillow cannot read, or misreads: the meaning of their numbers, and types that Pillow does not know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from mmpe.errors import InputError

SIGNATURES = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
_BITS, _PHOTOMETRIC, _ORIENTATION, _SAMPLES, _PLANES, _EXTRA, _SAMPLE_FORMAT = 258, 262, 274, 277, 284, 338, 339
_PROFILE, _NO_DATA = 34675, 42113
_SIGNED, _WHITE_IS_ZERO, _SEPARATE = 2, 0, 2
_GREY, _RGB = (None, _WHITE_IS_ZERO, 1), 2  # a file should say which it is
_PREMULTIPLIED, _UNASSOCIATED = 1, 2  # the kinds of an extra channel that are alpha
_DENSEST = 2000  # pixels in a byte, at the most that compression makes of a flat picture


@dataclass
class Numbers:
    """Pixel values as a file has them.

    Attributes:
        values: (H, W), or (H, W, 3) for RGB.
        bits: How many bits of the values are used, as the file declares. None: all.
        no_data: The value that is declared to stand for "no data".
        inverted: Whether the smallest value is white.
        alpha: (H, W), opacity from 0 to 1. The values are not multiplied by it.
        extra: Whether the file has one more channel, which is not alpha, such as infrared.
        orientation: The orientation, as in EXIF.
        profile: The bytes of an ICC profile.
    """

    values: np.ndarray
    bits: int | None = None
    no_data: float | None = None
    inverted: bool = False
    alpha: np.ndarray | None = None
    extra: bool = False
    orientation: int = 1
    profile: bytes | None = None


def numbers_of(image: Image.Image) -> Numbers | None:
    """The values of a loaded one-channel picture whose numbers are not 8-bit levels. None for other pictures.

    Pillow does not distinguish int8 from uint8 nor uint32 from int32, and does not invert 16 bits.
    """
    tags = getattr(image, 'tag_v2', {})
    signed = _first(tags.get(_SAMPLE_FORMAT, 1)) == _SIGNED
    if not image.mode.startswith(('I', 'F')) and not (image.mode == 'L' and signed):
        return None
    values = np.asarray(image)
    if image.mode == 'L':
        values = values.view(np.int8)
    if tags and image.mode == 'I' and not signed and _first(tags.get(_BITS)) == 32:
        values = values.view(np.uint32)
    inverted = bool(tags) and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    key = image.info.get('transparency')  # of a PNG
    alpha = None if key is None else (values != key).astype(np.float64)
    return Numbers(values, _first(tags.get(_BITS)), _no_data(tags.get(_NO_DATA)), inverted, alpha)


def has_undeclared_channel(image: Image.Image) -> bool:
    """Whether Pillow leaves out a channel of a TIFF, which is neither a color nor declared to be alpha."""
    tags = getattr(image, 'tag_v2', {})
    default = 0 if (_first(tags.get(_SAMPLES)) or 1) > len(image.getbands()) else None
    return bool(tags) and _first(tags.get(_EXTRA, default)) == 0


def is_misread(image: Image.Image) -> bool:
    """Whether Pillow misreads an opened TIFF: it takes 16-bit channels in separate planes for 8-bit ones."""
    tags = getattr(image, 'tag_v2', {})
    return tags.get(_PLANES) == _SEPARATE and (_first(tags.get(_BITS)) or 0) > 8


def read_numbers(stream: BinaryIO, max_pixels: int) -> Numbers:
    """Read the first page of a TIFF that Pillow cannot read, such as 64-bit numbers or several float channels.

    Raises:
        InputError: If it has more than ``max_pixels``, is cut short, or is not gray or RGB, with or without alpha.
        Exception: Of any kind: tifffile raises whatever a broken file causes.
    """
    import tifffile

    stream.seek(0)
    with tifffile.TiffFile(stream) as file:
        page = file.pages[0]
        height, width = page.imagelength, page.imagewidth
        if height * width > max_pixels:
            raise InputError(f'{height}x{width} pixels are more than max_pixels={max_pixels}')
        ends = [sum(segment) for segment in zip(page.dataoffsets, page.databytecounts)]
        size = file.filehandle.size
        if max(ends, default=0) > size or height * width > _DENSEST * size:
            raise InputError('it is cut short')
        values = page.asarray()
        if page.axes == 'SYX':
            values = np.moveaxis(values, 0, -1)
        tags = {tag.code: tag.value for tag in page.tags}
    color, more = _channels(values, tags.get(_PHOTOMETRIC))
    kind = _first(tags.get(_EXTRA))
    alpha = _opacity(more) if more is not None and kind in (_PREMULTIPLIED, _UNASSOCIATED) else None
    if alpha is not None and kind == _PREMULTIPLIED:
        color = _divided(color, alpha)
    return Numbers(
        color,
        _first(tags.get(_BITS)),
        _no_data(tags.get(_NO_DATA)),
        tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO,
        alpha,
        more is not None and alpha is None,
        int(tags.get(_ORIENTATION, 1)),
        tags.get(_PROFILE),
    )


def _channels(values: np.ndarray, photometric: int | None) -> tuple[np.ndarray, np.ndarray | None]:
    """The gray or RGB channels, and the channel after them."""
    if photometric not in (*_GREY, _RGB):
        raise InputError('its colors are neither gray nor RGB')
    if values.ndim == 2 and values.dtype.kind in 'biuf':
        return values, None
    colors = 3 if photometric == _RGB else 1
    if values.ndim != 3 or values.dtype.kind not in 'iuf' or values.shape[-1] - colors not in (0, 1):
        what = 'x'.join(map(str, values.shape[2:])) or '1'
        raise InputError(f'it has {what} channels of {values.dtype}: a picture is gray or RGB, with or without alpha')
    color = values[..., :colors]
    return color if colors == 3 else color[..., 0], values[..., colors] if values.shape[-1] > colors else None


def _opacity(alpha: np.ndarray) -> np.ndarray:
    full = np.iinfo(alpha.dtype).max if alpha.dtype.kind in 'iu' else 1
    return (np.nan_to_num(alpha.astype(np.float64)) / full).clip(0, 1)


def _divided(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colors that were multiplied by alpha, divided by it. Where alpha is 0 they are lost, and stay in their range."""
    seen = alpha > 0
    if not seen.any():
        return color
    divisor = np.where(seen, alpha, 1).reshape(alpha.shape + (1,) * (color.ndim - 2))
    divided = color / divisor
    divided[~seen] = divided[seen].min()
    if color.dtype.kind in 'iu':
        limits = np.iinfo(color.dtype)
        divided = divided.round().clip(limits.min, limits.max)
    return divided.astype(color.dtype)


def _no_data(tag: str | None) -> float | None:
    try:
        return float(str(_first(tag)).strip('\0 '))
    except ValueError:
        return None


def _first(tag: Any) -> Any:
    return tag[0] if isinstance(tag, tuple) and tag else tag
