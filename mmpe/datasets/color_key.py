"""The transparent color of RGB PNGs with 16 bits. Pillow reads only the high byte of each value."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from PIL import Image


def has_key_of_16_bits(image: Image.Image, stream: BinaryIO) -> bool:
    """Whether an opened picture has a transparent color that Pillow cannot find in its pixels."""
    if image.format != 'PNG' or image.mode != 'RGB' or 'transparency' not in image.info:
        return False
    stream.seek(24)  # bits per channel
    return stream.read(1) == b'\x10'


def make_transparent(image: Image.Image, again: Image.Image) -> None:
    """Turn the transparent color of a loaded picture into alpha.

    Args:
        image: The loaded picture, of mode RGB. It becomes RGBA.
        again: The same file, opened and not yet loaded.
    """
    again.tile = [(*tile[:3], 'RGB;16L') for tile in again.tile]  # in the other byte order the low byte is the high one
    colors = np.asarray(image).astype(np.uint16) << 8 | np.asarray(again)
    opaque = (colors != image.info.pop('transparency')).any(-1)
    image.putalpha(Image.fromarray(opaque.astype(np.uint8) * 255))
