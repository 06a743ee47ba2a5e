"""Many pictures as a data set."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log
from PIL import Image
from torch import Tensor

from mmpe.grid import Size
from mmpe.names import printable
from mmpe.numbers import check_real, check_whole, given
from mmpe.registry import DATASETS

from .buckets import BucketedDataset, check_sizes, sort_into_buckets
from .picture_files import MAX_PIXELS, MOST_PIXELS, REDUCING_GAP, PictureError
from .picture_sources import find_pictures

_LARGEST = 2**16  # pixels per side


@DATASETS.register_module()
class PictureFolder(BucketedDataset):
    """The pictures of a folder or LMDB, all at one size, or each at the size of several that is nearest in shape.

    A picture is resized (Lanczos, antialiased) until it just covers its size, and cropped to its center. Item i is
    always the same: mirror images are items of their own, and the sampler alone decides the order. So a resumed run
    sees the same pictures as an uninterrupted one.

    Args:
        data_root: A folder, which may have subfolders; an LMDB of encoded pictures (``pip install 'mmpe[lmdb]'``); or
            ``skimage://lfw_subset``, 100 small gray faces.
        size: Height and width of all items, in pixels.
        sizes: In place of ``size``, sizes (height, width) of different shapes. An item has the size whose aspect ratio
            is nearest to its picture's. Batches of one shape are made by :class:`~mmpe.datasets.BucketBatchSampler`.
        flip: Whether mirror images follow. Of n pictures, item i + n is the mirror image of item i.
        skip_unreadable: Whether the next readable picture, by name, replaces one that cannot be read, with a warning.
            Otherwise it is an error.
        max_pixels: How many pixels a picture may have. Those of a JPEG are counted after decoding at a reduced size.
        reducing_gap: A JPEG is decoded at 1/2, 1/4 or 1/8 of its size, the smallest that leaves this many times
            ``size`` of its short side, as in ``PIL.Image.Image.thumbnail``. 1 is fastest. At 2 the PSNR to fully
            decoded pictures is 40 dB or more. None decodes all pixels, except for pictures of more than 89 megapixels,
            of which four times ``size`` is left.

    Raises:
        InputError: If there are no pictures, or a number is out of its range.

    >>> faces = PictureFolder('skimage://lfw_subset', size=16)
    >>> len(faces), faces[0]['inputs'].shape
    (100, torch.Size([3, 16, 16]))
    """

    def __init__(
        self,
        data_root: str | Path,
        size: int | None = None,
        flip: bool = False,
        skip_unreadable: bool = False,
        max_pixels: int = MAX_PIXELS,
        reducing_gap: float | None = REDUCING_GAP,
        sizes: Sequence[int | Size] | None = None,
    ):
        self.sizes = check_sizes(size, sizes, _LARGEST)
        check_whole(1, MOST_PIXELS, max_pixels=max_pixels)
        check_real(1, **given(reducing_gap=reducing_gap))
        self.pictures = find_pictures(data_root)
        self.num_pictures = len(self.pictures.names)
        self.data_root = str(data_root)
        self.size = size if sizes is None else list(self.sizes)
        self.flip = flip
        self.skip_unreadable = skip_unreadable
        self.max_pixels = max_pixels
        self.reducing_gap = reducing_gap
        self._warned: set[int] = set()
        self._buckets = [0] * self.num_pictures if sizes is None else self._sort_by_shape()

    @property
    def buckets(self) -> list[int]:
        """For every item, the number of its size in ``sizes``."""
        return self._buckets * (1 + self.flip)

    @property
    def metainfo(self) -> dict:
        """What MMEngine saves about the data set in checkpoints."""
        return dict(num_pictures=self.num_pictures, size=self.size, flip=self.flip)

    def __len__(self) -> int:
        return self.num_pictures * (1 + self.flip)

    def __getitem__(self, index: int) -> dict:
        """A dict with ``inputs``: (3, H, W), RGB, uint8.

        Raises:
            PictureError: If the picture cannot be read. With ``skip_unreadable``, if none of the pictures can.
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
            raise PictureError(f'{error}; remove it, or skip such pictures with skip_unreadable=True') from error

    def read(self, number: int) -> Image.Image:
        """Picture ``number``, not mirrored, as RGB at its size.

        Raises:
            PictureError: If the picture cannot be read.
        """
        size = self.sizes[self._buckets[number]]
        return self.pictures.read(number, size, max_pixels=self.max_pixels, reducing_gap=self.reducing_gap)

    def _sort_by_shape(self) -> list[int]:
        sizes = self.pictures.find_sizes(self.max_pixels)
        self._buckets = [0] * self.num_pictures
        unreadable = [number for number, size in enumerate(sizes) if size is None]
        if unreadable and not self.skip_unreadable:
            self._read(unreadable[0])
        # others of its size take the place of a picture that cannot be read, whichever bucket it is in
        buckets = iter(sort_into_buckets(self.sizes, [size for size in sizes if size]))
        return [0 if size is None else next(buckets) for size in sizes]

    def _read_from(self, number: int) -> Image.Image:
        following = (*range(number, self.num_pictures), *range(number))
        for candidate in (other for other in following if self._buckets[other] == self._buckets[number]):
            try:
                return self.read(candidate)
            except PictureError as error:
                self._warn(candidate, error)
        raise PictureError(f'none of the {self.num_pictures} pictures in {printable(self.data_root)} can be read')

    def _warn(self, number: int, error: PictureError) -> None:
        """Warn once per picture and process."""
        if number not in self._warned:
            self._warned.add(number)
            print_log(f'{error}; the next one takes its place', logger='current', level=logging.WARNING)


def _to_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
