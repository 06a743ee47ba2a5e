"""Batches that become smaller while the images of a progressive model become larger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from mmengine.model import BaseModel

from mmpe.errors import InputError
from mmpe.models.pggan.growth import Growth, as_side
from mmpe.numbers import check_whole, shown
from mmpe.registry import DATA_SAMPLERS

from .sampler import FollowingBatchSampler, ResumableSampler


@DATA_SAMPLERS.register_module()
class GrowingBatchSampler(FollowingBatchSampler):
    """Batches whose number of pictures depends on the side of the images that the model trains at that time.

    In a config: ``train_dataloader=dict(batch_size=4, batch_sampler=dict(type='mmpe.GrowingBatchSampler', ...))``.
    :class:`~mmpe.engine.ResumableTrainLoop` gives it the model, whose schedule it follows.

    Args:
        sampler: The sampler of the indices.
        batch_size: Pictures per batch and process, for sides that are not in ``batch_sizes``.
        batch_sizes: Pictures per batch and process, by the side of the images in the schedule.

    Raises:
        InputError: If a batch would have less than one picture, or the sampler is not resumable.

    >>> sampler = ResumableSampler(range(100), seed=0)
    >>> len(next(iter(GrowingBatchSampler(sampler, batch_size=4, batch_sizes={8: 64, 16: 32}))))
    4
    """

    def __init__(self, sampler: ResumableSampler, batch_size: int, batch_sizes: Mapping[int, int]):
        if not isinstance(batch_sizes, Mapping):
            raise InputError(f'batch_sizes={shown(batch_sizes)} must be a dict from sides to pictures in a batch')
        check_whole(1, batch_size=batch_size, **{f'batch_sizes[{side}]': size for side, size in batch_sizes.items()})
        self.batch_sizes = {as_side(side, 'batch_sizes'): size for side, size in batch_sizes.items()}
        super().__init__(sampler, batch_size)
        self.model = None

    def follow(self, model: BaseModel, batches_per_update: int = 1) -> None:
        """Follow the schedule of a model that grows.

        Raises:
            InputError: If the model has no ``growth``.
        """
        if not isinstance(getattr(model, 'growth', None), Growth):
            raise InputError(
                f'GrowingBatchSampler needs a model that grows, such as PGGANModel, not {type(model).__name__}'
            )
        self.model = model

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of this process, from the sampler's ``start`` on."""
        indices, seen = iter(self.sampler), self.sampler.start
        while batch := list(islice(indices, self._size(seen))):
            yield batch
            seen += len(batch) * self.sampler.world_size

    def _size(self, seen: int) -> int:
        side = None if self.model is None else self.model.growth.scale(seen)
        return self.batch_sizes.get(side, self.batch_size)
