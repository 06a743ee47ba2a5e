"""Many pictures as a data set."""

from __future__ import annotations

import logging
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import Dataset

from mmpe.names import printable
from mmpe.numbers import check_whole
from mmpe.registry import DATASETS

from .picture_sources import find_pictures
from .pictures import MAX_PIXELS, MOST_PIXELS, PictureError

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
        max_pixels (int): How many pixels a picture may have; of very large JPEGs, after decoding at reduced size.

    Raises:
        InputError: If there are no pictures, or ``size`` is not a whole number of at least 1.
    """

    def __init__(
        self,
        data_root: str | Path,
        size: int,
        flip: bool = False,
        skip_unreadable: bool = False,
        max_pixels: int = MAX_PIXELS,
    ):
        check_whole(1, _LARGEST, size=size)
        check_whole(1, MOST_PIXELS, max_pixels=max_pixels)
        self.pictures = find_pictures(data_root)
        self.num_pictures = len(self.pictures.names)
        self.data_root = str(data_root)
        self.size = size
        self.flip = flip
        self.skip_unreadable = skip_unreadable
        self.max_pixels = max_pixels
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
        picture = _to_tensor(ImageOps.fit(self._read(number), (self.size, self.size), Image.Resampling.LANCZOS))
        return dict(inputs=picture.flip(-1) if mirrored else picture)

    def _read(self, number: int) -> Image.Image:
        if self.skip_unreadable:
            return self._read_from(number)
        try:
            return self._open(number)
        except PictureError as error:
            raise PictureError(f'{error}; remove it, or pass over such pictures with skip_unreadable=True') from error

    def _open(self, number: int) -> Image.Image:
        return self.pictures.read(number, self.size, self.max_pixels)

    def _read_from(self, number: int) -> Image.Image:
        for candidate in chain(range(number, self.num_pictures), range(number)):
            try:
                return self._open(candidate)
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
