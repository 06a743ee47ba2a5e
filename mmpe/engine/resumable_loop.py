"""The loop that goes on with the data where the run that it resumes stopped."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

from mmengine.optim import OptimWrapperDict
from mmengine.runner import BaseLoop, IterBasedTrainLoop
from torch.utils.data import DataLoader

from mmpe.datasets import (
    BucketBatchSampler,
    BucketedDataset,
    FollowingBatchSampler,
    GrowingBatchSampler,
    ResumableSampler,
)
from mmpe.errors import InputError
from mmpe.memory import check_room
from mmpe.models.adversarial import AdversarialModel
from mmpe.numbers import check_whole
from mmpe.registry import LOOPS

from .batches import ResumedBatches
from .hooks import InterruptHook
from .preparation import prepare
from .wrapper import unwrapped

_IMAGES_OF_EACH = 4  # at least: a picture, as a number and resized, what is generated beside it, and its gradient


@LOOPS.register_module()
class ResumableTrainLoop(IterBasedTrainLoop):
    """MMEngine's loop by iterations; a resumed run reads nothing twice.

    MMEngine's reads and drops all batches that the run has seen before, which for a long run takes days, and gives
    others on another number of processes. This one tells the sampler how many images the model has seen.

    Args:
        runner (Runner): MMEngine's. Its model counts the images that all processes have seen in a buffer
            ``images_seen``.
        dataloader (DataLoader | dict): With a :class:`~mmpe.datasets.ResumableSampler`. Batch samplers that follow
            a model, see :class:`~mmpe.datasets.FollowingBatchSampler`, are given it.
        **settings: ``max_iters``, and ``val_begin``, ``val_interval`` and ``dynamic_intervals`` if the run validates.

    Raises:
        InputError: If the model or the sampler is another one.
    """

    def __init__(self, runner, dataloader, **settings):
        if isinstance(dataloader, dict) and dataloader.get('batch_sampler'):
            dataloader = {**dataloader, 'drop_last': False}  # batches of a sampler of their own are complete
        prepare(runner, dataloader)
        check_whole(1, **{name: settings.get(name, 1) for name in ('max_iters', 'val_interval', 'val_begin')})
        BaseLoop.__init__(self, runner, dataloader)
        loader = self.dataloader
        loader.worker_init_fn = partial(_undisturbed, loader.worker_init_fn)
        # MMEngine's constructor starts the loader's workers, which read ahead from wherever the sampler is.
        super().__init__(runner, DataLoader(loader.dataset), **settings)
        self.dataloader = loader
        self._check()
        self._seeded_by_runner = self._sampler.seed == runner.seed

    def run(self):
        """Train from where the model is."""
        sampler = self._sampler
        sampler.start = int(unwrapped(self.runner.model).images_seen)
        if self._seeded_by_runner:  # a resumed checkpoint's seed replaces the config's after the sampler has been built
            sampler.seed = self.runner.seed
        if isinstance(self.dataloader.batch_sampler, FollowingBatchSampler):
            self.dataloader.batch_sampler.follow(unwrapped(self.runner.model), self._batches_per_update)
        with closing(self._batches()) as batches:
            self.dataloader_iterator = ResumedBatches(batches, self._iter)
            return super().run()

    @property
    def _batches_per_update(self) -> int:
        """Only a discriminator sees pictures."""
        wrapper = self.runner.optim_wrapper
        if isinstance(wrapper, OptimWrapperDict):
            wrapper = wrapper.optim_wrappers.get('discriminator', next(iter(wrapper.values())))
        return wrapper._accumulative_counts

    @property
    def _sampler(self):
        return self.dataloader.batch_sampler.sampler  # the loader's own `sampler` is another where batches have a type

    def _batches(self) -> Iterator:
        batches = iter(self.dataloader)
        try:
            yield from batches
        finally:
            # An error's traceback may hold the loader until the process ends, which waits for the workers.
            getattr(batches, '_shutdown_workers', lambda: None)()

    def _check(self) -> None:
        model, sampler = unwrapped(self.runner.model), self._sampler
        if not isinstance(sampler, ResumableSampler):
            raise InputError(
                f'ResumableTrainLoop needs sampler=dict(type="ResumableSampler"), not {type(sampler).__name__}'
            )
        if 'images_seen' not in dict(model.named_buffers(recurse=False)):
            raise InputError(
                f'ResumableTrainLoop needs a model that counts its images_seen, which {type(model).__name__} does not: '
                'register a buffer of that name, to which train_step adds the images of all processes'
            )
        batches = self.dataloader.batch_sampler
        dataset = self.dataloader.dataset
        several = isinstance(dataset, BucketedDataset) and len(dataset.sizes) > 1
        if several and not isinstance(batches, BucketBatchSampler):
            raise InputError(
                f'the {type(dataset).__name__} has pictures of {len(dataset.sizes)} shapes, and a batch must have one: '
                "give the train_dataloader batch_sampler=dict(type='BucketBatchSampler')"
            )
        if isinstance(model, AdversarialModel):
            sizes = batches.batch_sizes.values() if isinstance(batches, GrowingBatchSampler) else ()
            batch = min([batches.batch_size, *sizes])
            height, width = model.sizes[0]
            check_room(
                _IMAGES_OF_EACH * 3 * 4 * height * width * batch,
                next(model.parameters()).device,
                f'a batch of {batch} pictures',
                'a smaller batch_size',
            )


def _undisturbed(init: Callable[[int], None] | None, worker: int) -> None:
    """Start a loader's worker that works until its training process is done with it.

    Ctrl-C, Slurm and torchrun signal whole groups of processes, and without its workers a training process could not
    finish the iteration after which it saves.
    """
    for number in InterruptHook.signals:
        signal.signal(number, signal.SIG_IGN)
    if init is not None:
        init(worker)
