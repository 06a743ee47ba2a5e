"""What a generator is asked for in MMEngine's validation and test loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch.utils.data import Dataset

from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.numbers import as_size, check_whole, shown
from mmpe.registry import DATASETS

from .drawn_faces import MOST_DRAWN


@dataclass(frozen=True)
class SampleRequest:
    """One sample, at some sizes; ``request['number']`` reads as in a dict.

    It is no dict, as MMEngine's default collation would make one of a batch of them: it stays a list of requests.

    Args:
        number: Which sample: with the model's seed it decides all that is drawn for it.
        sizes: (H, W) of the images asked for, in pixels; None: the model's own.
    """

    number: int
    sizes: list[Size] | None

    def __getitem__(self, name: str):
        return getattr(self, name)

    def keys(self) -> tuple[str, str]:
        """As of a dict, so that ``**request`` works."""
        return 'number', 'sizes'


@DATASETS.register_module()
class SampleNumbers(Dataset):
    """The numbers 0 to ``num`` - 1: item i asks for sample number i at every one of ``sizes``.

    Args:
        num: How many samples.
        sizes: Sizes of the images, in pixels: (H, W), or one number for a square; None: the model's own.

    Raises:
        InputError: If ``num`` or a size is not a whole number of at least 1, or a size is given twice or none at all.
    """

    def __init__(self, num: int = 1, sizes: Sequence[int | Size] | None = None):
        check_whole(1, MOST_DRAWN, num=num)
        self.num = num
        self.sizes = None if sizes is None else _as_sizes(sizes)

    @property
    def metainfo(self) -> dict:
        """What MMEngine tells metrics about a data set."""
        return dict(num=self.num, sizes=self.sizes)

    def __len__(self) -> int:
        return self.num

    def __getitem__(self, index: int) -> dict:
        """``inputs``: a :class:`SampleRequest`."""
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
