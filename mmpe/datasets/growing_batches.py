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
    """As many pictures a batch as are right for the size that the model trains when it sees them.

    It belongs into ``train_dataloader=dict(batch_size=4, batch_sampler=dict(type='GrowingBatchSampler', ...))``, and
    takes the schedule from the model, when :class:`~mmpe.engine.ResumableTrainLoop` starts.

    Args:
        sampler: Gives the indices.
        batch_size: Pictures a batch and process, for sizes not in ``batch_sizes``.
        batch_sizes: Side of the images, as the schedule has it, to pictures a batch and process.

    Raises:
        InputError: If a batch would have less than one picture, or the sampler cannot be resumed.
    """

    def __init__(self, sampler: ResumableSampler, batch_size: int, batch_sizes: Mapping):
        if not isinstance(batch_sizes, Mapping):
            raise InputError(f'batch_sizes={shown(batch_sizes)} must be a dict from sides to pictures in a batch')
        check_whole(1, batch_size=batch_size, **{f'batch_sizes[{side}]': size for side, size in batch_sizes.items()})
        self.batch_sizes = {as_side(side, 'batch_sizes'): size for side, size in batch_sizes.items()}
        super().__init__(sampler, batch_size)
        self.model = None

    def follow(self, model: BaseModel, batches_per_update: int = 1) -> None:
        """Take the schedule of a model, whose ``growth.scale(images)`` is the side trained after so many images.

        Raises:
            InputError: If it has none.
        """
        if not isinstance(getattr(model, 'growth', None), Growth):
            raise InputError(
                f'GrowingBatchSampler needs a model that grows, such as PGGANModel, not {type(model).__name__}'
            )
        self.model = model

    def __iter__(self) -> Iterator[list[int]]:
        """This process's batches, from the sampler's ``start`` on."""
        indices, seen = iter(self.sampler), self.sampler.start
        while batch := list(islice(indices, self._size(seen))):
            yield batch
            seen += len(batch) * self.sampler.world_size

    def _size(self, seen: int) -> int:
        side = None if self.model is None else self.model.growth.scale(seen)
        return self.batch_sizes.get(side, self.batch_size)
