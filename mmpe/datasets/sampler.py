"""The order in which a run sees its data."""

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
    """Batches that depend on how a model is trained.

    Args:
        sampler: Gives the indices.
        batch_size: Pictures per batch and process.

    Raises:
        InputError: If the sampler cannot be resumed.
    """

    def __init__(self, sampler: ResumableSampler, batch_size: int):
        if not isinstance(sampler, ResumableSampler):
            raise InputError(
                f'{type(self).__name__} needs sampler=dict(type="ResumableSampler"), not {type(sampler).__name__}'
            )
        super().__init__(sampler, batch_size, drop_last=True)

    @abstractmethod
    def follow(self, model: BaseModel, batches_per_update: int) -> None:
        """Learn what is trained, before the first batch.

        Args:
            model: As it is when training starts or goes on.
            batches_per_update: How many batches one update of the model takes.
        """


@DATA_SAMPLERS.register_module()
class ResumableSampler(Sampler):
    """An endless sequence of indices, shuffled anew each epoch, that can start anywhere.

    Processes take turns in it, as in MMEngine's ``InfiniteSampler``: it is one sequence, however many there are, and so
    a run can be continued on another number of processes where it stopped.

    Args:
        dataset: What the indices are of.
        seed: With the epoch it decides the order, and must be the same on all processes; None: drawn, once for all
            processes.
        shuffle: False: in the data set's order.

    Attributes:
        start: How many indices of the sequence, of all processes together, are passed over.
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
        """This process's indices, from ``start`` on, for ever."""
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
