"""Pictures that pages have sent, by their content."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from mmpe.datasets.picture_files import open_picture, picture_size
from mmpe.files import write_atomic
from mmpe.grid import Size
from mmpe.numbers import size_text
from mmpe.visualization import encode_picture

from .refusals import NotThere, TooLarge

MOST_PIXELS = 2**27
"""Of a picture to train on, which is made smaller."""
MOST_FILE_PIXELS = 2**24
"""Of a mask, a painting or a picture with something pasted into it, which has the size of the trained picture."""

_SHA = '[0-9a-f]{64}'
_ENOUGH = 512  # pixels of a side, to see whether a very large JPEG can be decoded


class Uploads:
    """The folders ``pictures`` and ``files`` of a studio.

    Args:
        folder: Of the studio. It is made when something is written.

    >>> from PIL import Image
    >>> uploads = Uploads(Path('studio'))
    >>> name, size = uploads.add_picture(encode_picture(Image.new('RGB', (48, 32)), 'a.png'))
    >>> size, uploads.picture(name).exists()
    ((32, 48), True)
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def add_picture(self, content: bytes) -> tuple[str, Size]:
        """Keep a picture to train on, as it is, by its content.

        Returns:
            Its name, and its (height, width).

        Raises:
            TooLarge: If it has more than ``MOST_PIXELS``.
            PictureError: If it cannot be read as a picture.
        """
        size = _checked_size(content)
        open_picture(content, max_pixels=MOST_PIXELS, enough=_ENOUGH)
        name = hashlib.sha256(content).hexdigest()
        self._keep('pictures', name, content)
        return name, size

    def add_file(self, content: bytes) -> str:
        """Keep a picture that edits need, as a PNG of the same pixels, by its content.

        Returns:
            Its name.

        Raises:
            TooLarge: If it has more than ``MOST_FILE_PIXELS``.
            PictureError: If it cannot be read as a picture.
        """
        _checked_size(content, MOST_FILE_PIXELS)
        file = encode_picture(open_picture(content), 'file.png')
        name = f'{hashlib.sha256(file).hexdigest()}.png'
        self._keep('files', name, file)
        return name

    def picture(self, name: str) -> Path:
        """The path of a picture that was added to train on.

        Raises:
            NotThere: If there is none of that name.
        """
        return self._kept('pictures', name, _SHA)

    def file(self, name: str) -> Path:
        """The path of a picture that was added for edits.

        Raises:
            NotThere: If there is none of that name.
        """
        return self._kept('files', name, _SHA + r'\.png')

    def _keep(self, folder: str, name: str, content: bytes) -> None:
        path = self.folder / folder / name
        if not path.is_file():
            write_atomic(path, content)

    def _kept(self, folder: str, name: str, pattern: str) -> Path:
        path = self.folder / folder / name
        if not re.fullmatch(pattern, name) or not path.is_file():
            raise NotThere('there is no such picture: add it again')
        return path


def _checked_size(content: bytes, most: int = MOST_PIXELS) -> Size:
    """The size of a picture, by its header where that tells, before its pixels are read."""
    height, width = picture_size(content, max_pixels=MOST_PIXELS)
    if height * width > most:
        raise TooLarge(
            f'the picture has {size_text((height, width))} pixels, and {most / 10**6:.0f} megapixels are the limit '
            'here: make it smaller'
        )
    return height, width
