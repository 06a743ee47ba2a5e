"""The orientation of a picture, also where its EXIF block has faulty entries."""

from __future__ import annotations

import os
import re
import struct
from typing import BinaryIO

from PIL import Image

_TAG = 0x112
_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_RIGHT_TO_LEFT, _BOTTOM_TO_TOP = (2, 3, 6, 7), (3, 4, 7, 8)  # where these sides go
_TEXTS, _LONGEST_KEYWORD = (b'iTXt', b'tEXt', b'zTXt'), 79
_FORMATS = {1: 'B', 3: 'H', 4: 'I', 6: 'b', 8: 'h', 9: 'i'}  # of the EXIF types that are whole numbers


def find_orientation(image: Image.Image) -> int:
    """The orientation of a loaded picture, 1 (upright) to 8, from EXIF, TIFF tags or XMP. 1, if none is readable.

    ``PIL.ImageOps.exif_transpose`` also rewrites the EXIF block, which fails if any entry in it is faulty.

    >>> find_orientation(Image.new('RGB', (3, 4)))
    1
    """
    found = _orientation_in_exif(image.info.get('exif'))
    if found is None:
        try:
            found = int(image.getexif().get(_TAG, 1))
        except Exception:  # a broken block can break its reader in any way
            found = 1
    return found if found in _TURN else 1


def may_be_turned(stream: BinaryIO) -> bool:
    """Whether a PNG has a chunk that can hold an orientation, before or after its pixels. No pixels are read."""
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack('>I4s', head)
        content = stream.read(min(length, _LONGEST_KEYWORD)) if kind in _TEXTS else b''
        if kind == b'eXIf' or content.startswith((b'XML:com.adobe.xmp\0', b'Raw profile type ')):
            return True
        stream.seek(length - len(content) + 4, os.SEEK_CUR)
    return False


def turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    """A picture turned as its orientation, 1 to 8, says.

    >>> turn_upright(Image.new('RGB', (3, 4)), 6).size
    (4, 3)
    """
    return image.transpose(_TURN[orientation]) if orientation in _TURN else image


def box_upright(extent: tuple[float, float], size: tuple[int, int], orientation: int) -> tuple[float, ...]:
    """Where the content of a picture is after :func:`turn_upright`, if it did not fill the last column and row before.

    Args:
        extent: Width and height of the content before, from the top left, in pixels.
        size: Width and height of the picture before, in pixels.
        orientation: The orientation, 1 to 8.

    Returns:
        Left, top, right and bottom of the content, in pixels.

    >>> box_upright((2.5, 4), (3, 4), 2)
    (0.5, 0, 3.0, 4)
    """
    turned = orientation >= 5
    (width, height), (all_width, all_height) = (extent[::-1], size[::-1]) if turned else (extent, size)
    left = all_width - width if orientation in _RIGHT_TO_LEFT else 0
    top = all_height - height if orientation in _BOTTOM_TO_TOP else 0
    return left, top, left + width, top + height


def without_exif(content: bytes) -> bytes:
    """A file with its EXIF block emptied, for a decoder that gives up on faulty entries. The length stays the same."""
    return re.sub(rb'(Exif\0\0(?:II\*\0|MM\0\*).{4})..', rb'\1\0\0', content, flags=re.DOTALL)


def _orientation_in_exif(block: bytes | None) -> int | None:
    """The orientation in the first directory of an EXIF block. All other entries may be faulty."""
    block = (block or b'').removeprefix(b'Exif\0\0').removeprefix(b'Exif\0\0')
    order = {b'II': '<', b'MM': '>'}.get(block[:2])
    try:
        (start,) = struct.unpack_from(f'{order}I', block, 4)
        (count,) = struct.unpack_from(f'{order}H', block, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _ = struct.unpack_from(f'{order}HHI', block, entry)
            if tag == _TAG:
                return _number(kind, order, block[entry + 8 : entry + 12])
    except struct.error:  # no EXIF, or cut short
        pass
    return None


def _number(kind: int, order: str, value: bytes) -> int | None:
    if kind in _FORMATS:
        return struct.unpack_from(order + _FORMATS[kind], value)[0]
    text = value.split(b'\0')[0]  # as some programs write it
    return int(text) if text.isdigit() else None
