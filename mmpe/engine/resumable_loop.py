"""The training loop of all models but SinGAN. A resumed run goes on with the data where it stopped."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

from mmengine.optim import OptimWrapperDict
from mmengine.runner import BaseLoop, IterBasedTrainLoop, Runner
from torch import nn
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
    """MMEngine's loop by iterations, without reading anything twice in a resumed run.

    MMEngine's own loop reads and drops all batches that the run has seen, which takes days for a long run, and it gives
    other batches on another number of processes. This loop tells the sampler how many images the model has seen.

    Args:
        runner: MMEngine's runner. Its model counts the images that all processes have seen, in a buffer
            ``images_seen``.
        dataloader: The data loader or its config, with a :class:`~mmpe.datasets.ResumableSampler`. A batch sampler that
            is a :class:`~mmpe.datasets.FollowingBatchSampler` is given the model.
        **settings: ``max_iters``. If the run validates, also ``val_begin``, ``val_interval`` and
            ``dynamic_intervals``.

    Raises:
        InputError: If the model does not count images, the sampler is not resumable, or a setting is not valid.

    In a config:

    >>> train_cfg = dict(type='mmpe.ResumableTrainLoop', max_iters=1_100_000)
    >>> LOOPS.get(train_cfg['type']).__name__
    'ResumableTrainLoop'
    """

    def __init__(self, runner: Runner, dataloader: DataLoader | dict, **settings):
        dataloader = _without_drop_last(runner, dataloader)
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

    def run(self) -> nn.Module:
        """Train, beginning with the first image that the model has not seen."""
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
        """Batches per update of the discriminator, the only network that sees pictures."""
        wrapper = self.runner.optim_wrapper
        if isinstance(wrapper, OptimWrapperDict):
            wrapper = wrapper.optim_wrappers.get('discriminator', next(iter(wrapper.values())))
        return wrapper._accumulative_counts

    @property
    def _sampler(self) -> ResumableSampler:
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


def _without_drop_last(runner: Runner, dataloader: DataLoader | dict) -> DataLoader | dict:
    """PyTorch refuses ``drop_last`` beside a batch sampler, which a config may add to a base that has it."""
    if not isinstance(dataloader, dict) or not (dataloader.get('batch_sampler') and dataloader.get('drop_last')):
        return dataloader
    runner.logger.info(
        f'drop_last={dataloader["drop_last"]} of the train_dataloader has no effect: its batch_sampler makes the '
        'batches; give it to the batch_sampler, if that takes it'
    )
    return {**dataloader, 'drop_last': False}


def _undisturbed(init: Callable[[int], None] | None, worker: int) -> None:
    """Start a loader's worker that ignores signals, so that it works until its training process needs it no more.

    Ctrl-C, Slurm and torchrun signal whole groups of processes, and without its workers a training process could not
    finish the iteration after which it saves.
    """
    for number in InterruptHook.signals:
        signal.signal(number, signal.SIG_IGN)
    if init is not None:
        init(worker)
