"""Many pictures as a data set."""

from __future__ import annotations

import logging
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from mmpe.names import printable
from mmpe.numbers import check_real, check_whole, given
from mmpe.registry import DATASETS

from .picture_sources import find_pictures
from .pictures import MAX_PIXELS, MOST_PIXELS, REDUCING_GAP, PictureError

_LARGEST = 2**16  # pixels a side


@DATASETS.register_module()
class PictureFolder(Dataset):
    """The pictures of a folder or LMDB, all at one size.

    A picture is shrunk or enlarged (Lanczos, antialiased) until it just covers ``size`` x ``size``, and cut to its
    centre. Item i is always the same: mirrored pictures are items of their own, and the order of the items is the
    sampler's alone, so a resumed run sees the very pictures that the unbroken one would have seen.

    Args:
        data_root (str): A folder, with its subfolders; an LMDB of encoded pictures (``pip install 'mmpe[lmdb]'``); or
            ``skimage://lfw_subset``, 100 small grey faces.
        size (int): Height and width of the items, in pixels.
        flip (bool): Whether the mirror images are there too: item i + n is that of item i, of n pictures.
        skip_unreadable (bool): Whether the next readable picture, by name, takes the place of one that cannot be read,
            with a warning; otherwise it is an error.
        max_pixels (int): How many pixels a picture may have; of JPEGs, after decoding at reduced size.
        reducing_gap (float | None): A JPEG is decoded at 1/2, 1/4 or 1/8 of its size as long as that leaves this many
            times ``size`` of its short side, as in ``PIL.Image.Image.thumbnail``. 1 is fastest; at 2 the PSNR to
            fully decoded pictures is 40 dB or more. None decodes all pixels, except of pictures of more than 89
            megapixels, of which four times ``size`` is left.

    Raises:
        InputError: If there are no pictures, or a number is out of its range.
    """

    def __init__(
        self,
        data_root: str | Path,
        size: int,
        flip: bool = False,
        skip_unreadable: bool = False,
        max_pixels: int = MAX_PIXELS,
        reducing_gap: float | None = REDUCING_GAP,
    ):
        check_whole(1, _LARGEST, size=size)
        check_whole(1, MOST_PIXELS, max_pixels=max_pixels)
        check_real(1, **given(reducing_gap=reducing_gap))
        self.pictures = find_pictures(data_root)
        self.num_pictures = len(self.pictures.names)
        self.data_root = str(data_root)
        self.size = size
        self.flip = flip
        self.skip_unreadable = skip_unreadable
        self.max_pixels = max_pixels
        self.reducing_gap = reducing_gap
        self._warned: set[int] = set()

    @property
    def metainfo(self) -> dict:
        """dict: What MMEngine keeps of a data set in its checkpoints."""
        return dict(num_pictures=self.num_pictures, size=self.size, flip=self.flip)

    def __len__(self) -> int:
        return self.num_pictures * (1 + self.flip)

    def __getitem__(self, index: int) -> dict:
        """``inputs``: (3, size, size) RGB, uint8.

        Raises:
            PictureError: If the picture cannot be read, by name; with ``skip_unreadable``, if none can.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        mirrored, number = divmod(index, self.num_pictures)
        picture = _to_tensor(self._read(number))
        return dict(inputs=picture.flip(-1) if mirrored else picture)

    def _read(self, number: int) -> Image.Image:
        if self.skip_unreadable:
            return self._read_from(number)
        try:
            return self.read(number)
        except PictureError as error:
            raise PictureError(f'{error}; remove it, or pass over such pictures with skip_unreadable=True') from error

    def read(self, number: int) -> Image.Image:
        """Picture ``number``, not mirrored, as RGB of ``size`` x ``size``.

        Raises:
            PictureError: If it cannot be read.
        """
        size = self.size, self.size
        return self.pictures.read(number, size, max_pixels=self.max_pixels, reducing_gap=self.reducing_gap)

    def _read_from(self, number: int) -> Image.Image:
        for candidate in chain(range(number, self.num_pictures), range(number)):
            try:
                return self.read(candidate)
            except PictureError as error:
                self._warn(candidate, error)
        raise PictureError(f'none of the {self.num_pictures} pictures in {printable(self.data_root)} can be read')

    def _warn(self, number: int, error: PictureError) -> None:
        """Once a picture, in each process."""
        if number not in self._warned:
            self._warned.add(number)
            print_log(f'{error}; the next one takes its place', logger='current', level=logging.WARNING)


def _to_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
