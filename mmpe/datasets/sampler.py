"""The order in which a run sees its data, and how it is put into batches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sized
from itertools import count, islice

import torch
from mmengine.dist import get_dist_info, sync_random_seed
from mmengine.model import BaseModel
from torch.utils.data import BatchSampler, Sampler

from mmpe.errors import InputError
from mmpe.random_numbers import check_seed, random_generator
from mmpe.registry import DATA_SAMPLERS


class FollowingBatchSampler(BatchSampler):
    """The base of batch samplers that depend on how the model is trained. A subclass has ``follow`` and ``__iter__``.

    Args:
        sampler: The sampler of the indices.
        batch_size: Pictures per batch and process.

    Raises:
        InputError: If the sampler is not resumable.

    >>> from mmpe.datasets import BucketBatchSampler, GrowingBatchSampler
    >>> issubclass(BucketBatchSampler, FollowingBatchSampler), issubclass(GrowingBatchSampler, FollowingBatchSampler)
    (True, True)
    """

    def __init__(self, sampler: ResumableSampler, batch_size: int):
        if not isinstance(sampler, ResumableSampler):
            raise InputError(
                f'{type(self).__name__} needs sampler=dict(type="ResumableSampler"), not {type(sampler).__name__}'
            )
        super().__init__(sampler, batch_size, drop_last=True)

    @abstractmethod
    def follow(self, model: BaseModel, batches_per_update: int) -> None:
        """Take the model, before the first batch.

        Args:
            model: The model, at the start of training or of a resumed run.
            batches_per_update: How many batches one update of the model takes.
        """


@DATA_SAMPLERS.register_module()
class ResumableSampler(Sampler):
    """An endless sequence of indices that can start anywhere. It is shuffled anew in each epoch.

    Processes take turns in the sequence, as in MMEngine's ``InfiniteSampler``. It does not depend on the number of
    processes, so a run can be resumed on another number.

    Args:
        dataset: The data set that is indexed.
        seed: The seed, which must be the same on all processes. Seed and epoch decide the order. None: it is drawn,
            once for all processes.
        shuffle: Whether to shuffle. Otherwise the order is that of the data set.

    Attributes:
        start: How many indices of the sequence, of all processes together, are skipped.

    >>> from itertools import islice
    >>> list(islice(ResumableSampler(range(3), seed=0, shuffle=False), 5))
    [0, 1, 2, 0, 1]
    """

    def __init__(self, dataset: Sized, seed: int | None = None, shuffle: bool = True):
        if seed is not None:
            check_seed(seed)
        self.rank, self.world_size = get_dist_info()
        self.dataset = dataset
        self.seed = sync_random_seed() if seed is None else seed
        self.shuffle = shuffle
        self.start = 0

    def __iter__(self) -> Iterator[int]:
        """The indices of this process, from ``start`` on, without end."""
        return islice(self._sequence(), self.rank, None, self.world_size)

    def __len__(self) -> int:
        return len(self.dataset)

    def _sequence(self) -> Iterator[int]:
        first_epoch, passed = divmod(self.start, len(self.dataset))
        for epoch in count(first_epoch):
            yield from self._order(epoch)[passed:]
            passed = 0

    def _order(self, epoch: int) -> list[int]:
        if not self.shuffle:
            return list(range(len(self.dataset)))
        return torch.randperm(len(self.dataset), generator=random_generator('data', self.seed, epoch)).tolist()
