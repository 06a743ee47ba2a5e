"""Pictures of several shapes. Each one goes to the bucket whose aspect ratio is nearest to its own."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property, partial

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch.utils.data import Dataset

from mmpe.errors import InputError
from mmpe.grid import Size, nearest_in_aspect
from mmpe.numbers import as_size, check_numbers, check_whole, shown, size_text
from mmpe.random_numbers import random_generator
from mmpe.registry import DATA_SAMPLERS

from .sampler import FollowingBatchSampler, ResumableSampler

_MOST_LOST = 0.5  # of a picture, without a word


class BucketedDataset(Dataset):
    """A data set in which every item has one of several sizes.

    Attributes:
        sizes: (height, width) of each bucket.
        buckets: The number of each item's bucket.

    >>> from mmpe.datasets import DrawnFaces
    >>> faces = DrawnFaces(num=3, sizes=[32, (32, 64)])
    >>> isinstance(faces, BucketedDataset), faces.sizes
    (True, [(32, 32), (32, 64)])
    """

    sizes: list[Size]
    buckets: Sequence[int]


def check_sizes(size: int | None, sizes: Sequence[int | Size] | None, largest: int) -> list[Size]:
    """The (height, width) of all items of a data set: squares of one ``size``, or pictures of several ``sizes``.

    Args:
        size: Side of the squares, in pixels.
        sizes: Sizes of different shapes: (height, width), or one number for a square.
        largest: The most pixels that a side may have.

    Raises:
        InputError: If neither or both are given, or a number is out of its range.

    >>> check_sizes(64, None, largest=1024)
    [(64, 64)]
    """
    if sizes is None:
        check_whole(1, largest, size=size)
        return [(int(size), int(size))]
    if size is not None:
        raise InputError(f'size={shown(size)} and sizes={shown(sizes)} are given: give one of them')
    found = _bucket_sizes(sizes)
    for i, pair in enumerate(found):
        check_numbers(partial(check_whole, 1, largest), **{f'sizes[{i}]': pair})
    return found


def _bucket_sizes(sizes: Sequence[int | Size]) -> list[Size]:
    """The sizes (height, width) of buckets.

    Raises:
        InputError: If the list is empty, an entry is not a valid size, or two sizes have the same shape, so that no
            picture is nearer to one of them.
    """
    if isinstance(sizes, str) or not isinstance(sizes, Sequence) or not sizes:
        raise InputError(f'sizes={shown(sizes)} must be a list of sizes in pixels, such as [64, (64, 128), (128, 64)]')
    pairs = [as_size(size, f'sizes[{i}]') for i, size in enumerate(sizes)]
    for i, pair in enumerate(pairs):
        alike = next((other for other in pairs[:i] if pair[0] * other[1] == pair[1] * other[0]), None)
        if alike:
            raise InputError(
                f'sizes={list(sizes)} has two of the same shape, {size_text(alike)} and {size_text(pair)}: keep the '
                'larger one, which a scale of the other size is made from'
            )
    return pairs


def nearest_bucket(sizes: Sequence[Size], picture: Size) -> int:
    """The number of the size whose aspect ratio, by its logarithm, is nearest to that of a picture.

    Of equally near sizes it is the first. Sizes are (height, width).

    >>> nearest_bucket([(64, 64), (64, 128)], (300, 400))
    0
    """
    return nearest_in_aspect(sizes, picture)[0]


def sort_into_buckets(sizes: Sequence[Size], pictures: Sequence[Size]) -> list[int]:
    """The bucket of every picture, given as (height, width).

    How much of the pictures is cropped, and how many are enlarged, is logged once for all of them.

    Raises:
        InputError: If a bucket stays empty.

    >>> sort_into_buckets([(64, 64), (64, 128)], [(300, 400)])
    Traceback (most recent call last):
    mmpe.errors.InputError: none of the 1 pictures is nearest in shape to 64x128: take it out of sizes
    """
    buckets = [nearest_bucket(sizes, picture) for picture in pictures]
    counts = Counter(buckets)
    empty = [size_text(size) for i, size in enumerate(sizes) if not counts[i]]
    if empty:
        raise InputError(
            f'none of the {len(pictures)} pictures is nearest in shape to {", ".join(empty)}: take it out of sizes'
        )
    _tell(sizes, pictures, buckets, counts)
    return buckets


def _tell(sizes: Sequence[Size], pictures: Sequence[Size], buckets: list[int], counts: Counter) -> None:
    lost = [_lost(picture, sizes[bucket]) for picture, bucket in zip(pictures, buckets)]
    most = sum(share > _MOST_LOST for share in lost)
    small = sum(any(a < b for a, b in zip(picture, sizes[bucket])) for picture, bucket in zip(pictures, buckets))
    shares = ', '.join(f'{size_text(size)}: {counts[i]}' for i, size in enumerate(sizes))
    print_log(f'{len(pictures)} pictures by shape: {shares}', 'current')
    if most:
        print_log(
            f'{most} of {len(pictures)} pictures lose more than half of their area as they are cropped to the nearest '
            f'of {", ".join(map(size_text, sizes))} (at most {max(lost):.0%}): give sizes one that is nearer to theirs',
            'current',
            logging.WARNING,
        )
    if small:
        print_log(
            f'{small} of {len(pictures)} pictures are smaller than the size of their shape, and enlarged',
            'current',
            logging.WARNING,
        )


def _lost(picture: Size, size: Size) -> float:
    aspect, wanted = picture[1] / picture[0], size[1] / size[0]
    return 1 - min(aspect, wanted) / max(aspect, wanted)


@DATA_SAMPLERS.register_module()
class BucketBatchSampler(FollowingBatchSampler):
    """Batches of pictures of one shape.

    An epoch holds every picture of every bucket. A bucket whose last batch is not full begins again, to fill it. The
    order depends on the sampler's seed alone, so a resumed run goes on where it was, and all processes see the same
    shape at the same time.

    In a config: ``train_dataloader=dict(batch_size=8, batch_sampler=dict(type='mmpe.BucketBatchSampler'))``.

    Args:
        sampler: The sampler, which holds the seed and the number of pictures that have been seen.
        batch_size: Pictures per batch and process.

    Raises:
        InputError: If the sampler is not resumable, or the data set has no buckets.

    >>> from mmpe.datasets import DrawnFaces
    >>> faces = DrawnFaces(num=8, sizes=[32, (32, 64)])
    >>> batch = next(iter(BucketBatchSampler(ResumableSampler(faces, seed=0), batch_size=2)))
    >>> len({faces.buckets[item] for item in batch})
    1
    """

    def __init__(self, sampler: ResumableSampler, batch_size: int):
        check_whole(1, batch_size=batch_size)
        super().__init__(sampler, batch_size)
        if not isinstance(sampler.dataset, BucketedDataset):
            raise InputError(
                'BucketBatchSampler needs a data set of several shapes, such as PictureFolder with sizes=[64, (64, '
                f'128)], not this {type(sampler.dataset).__name__}'
            )
        self.batches_per_update = 1

    def follow(self, model: BaseModel, batches_per_update: int) -> None:
        """All batches of an update have one shape."""
        self.batches_per_update = batches_per_update

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of this process, from the sampler's ``start`` on, without end."""
        rank, world = self.sampler.rank, self.sampler.world_size
        start = self.sampler.start // (self.batch_size * world)
        epoch, passed = divmod(start, self._batches_per_epoch)
        while True:
            for batch in self._epoch(epoch)[passed:]:
                yield batch[rank::world]
            epoch, passed = epoch + 1, 0

    def __len__(self) -> int:
        return self._batches_per_epoch

    @property
    def _pictures_per_update(self) -> int:
        return self.batch_size * self.sampler.world_size * self.batches_per_update

    @property
    def _batches_per_epoch(self) -> int:
        updates = sum(-(-len(items) // self._pictures_per_update) for items in self._items)
        return updates * self.batches_per_update

    @cached_property
    def _items(self) -> list[list[int]]:
        items = [[] for _ in self.sampler.dataset.sizes]
        for item, bucket in enumerate(self.sampler.dataset.buckets):
            items[bucket].append(item)
        return items

    def _epoch(self, epoch: int) -> list[list[int]]:
        """Each batch of all processes together."""
        rng = random_generator('buckets', self.sampler.seed, epoch)
        many, updates = self._pictures_per_update, []
        for items in self._items:
            order = [items[i] for i in self._order(len(items), rng)]
            order *= -(-many // len(order)) + 1  # to fill its last update
            updates += [order[first : first + many] for first in range(0, len(items), many)]
        updates = [updates[i] for i in self._order(len(updates), rng)]
        size = self.batch_size * self.sampler.world_size
        return [update[first : first + size] for update in updates for first in range(0, many, size)]

    def _order(self, num: int, rng: torch.Generator) -> list[int]:
        return torch.randperm(num, generator=rng).tolist() if self.sampler.shuffle else list(range(num))
