"""Requests for images, as a data set for MMEngine's validation and test loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch.utils.data import Dataset

from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.numbers import as_size, check_whole, shown
from mmpe.registry import DATASETS

from .drawn_faces import MOST_DRAWN


@dataclass(frozen=True)
class SampleRequest:
    """A request for one sample, at one or several sizes. ``request['number']`` reads as in a dict.

    It is not a dict, since MMEngine's default collation would turn a batch of dicts into one dict.

    Args:
        number: The number of the sample. With the model's seed, it decides all that is drawn for it.
        sizes: (height, width) of the images, in pixels. None: the model's own size.

    >>> SampleRequest(3, [(32, 64)])['sizes']
    [(32, 64)]
    """

    number: int
    sizes: list[Size] | None

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def keys(self) -> tuple[str, str]:
        """The keys of a dict, so that ``**request`` works."""
        return 'number', 'sizes'


@DATASETS.register_module()
class SampleNumbers(Dataset):
    """A data set of requests: item i asks for sample number i, at all of ``sizes``.

    Args:
        num: How many samples are asked for.
        sizes: Sizes of the images, in pixels: (height, width), or one number for a square. None: the model's own size.

    Raises:
        InputError: If ``num`` or a size is not a whole number of at least 1, a size is given twice, or ``sizes`` is
            empty.

    >>> SampleNumbers(num=500, sizes=[32, (32, 64)])[3]['inputs']
    SampleRequest(number=3, sizes=[(32, 32), (32, 64)])
    """

    def __init__(self, num: int = 1, sizes: Sequence[int | Size] | None = None):
        check_whole(1, MOST_DRAWN, num=num)
        self.num = num
        self.sizes = None if sizes is None else _as_sizes(sizes)

    @property
    def metainfo(self) -> dict:
        """What MMEngine tells metrics about the data set."""
        return dict(num=self.num, sizes=self.sizes)

    def __len__(self) -> int:
        return self.num

    def __getitem__(self, index: int) -> dict:
        """A dict with ``inputs``: a :class:`SampleRequest`."""
        if not 0 <= index < self.num:
            raise IndexError(index)
        return dict(inputs=SampleRequest(index, self.sizes))


def _as_sizes(sizes: Sequence[int | Size]) -> list[Size]:
    if isinstance(sizes, str) or not isinstance(sizes, Sequence) or not sizes:
        raise InputError(f'sizes={shown(sizes)} must be a list of sizes in pixels, such as [256, (256, 512)]')
    pairs = [as_size(size, f'sizes[{i}]') for i, size in enumerate(sizes)]
    if len(set(pairs)) < len(pairs):
        raise InputError(f'sizes={list(sizes)} has a size twice')
    return pairs
