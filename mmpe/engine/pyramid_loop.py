"""The loop that trains a pyramid scale by scale."""

from __future__ import annotations

import math
from itertools import repeat

import torch
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmpe.errors import InputError
from mmpe.models.distributed import broadcast_state
from mmpe.models.singan.iterations import describe_unused, first_iteration
from mmpe.numbers import check_whole
from mmpe.registry import LOOPS

from .batches import ResumedBatches
from .preparation import prepare
from .train_loop import TrainLoop
from .wrapper import unwrapped


@LOOPS.register_module()
class PyramidTrainLoop(TrainLoop):
    """Trains a SinGAN for the model's ``iters_per_scale`` iterations per scale of the picture.

    The number of scales depends on the picture. So the loop reads the ``sizes`` of the data set and gives the model its
    scales, before the optimizers are built and before a checkpoint is loaded.

    Args:
        runner: MMEngine's runner.
        dataloader: The data loader or its config, with a :class:`~mmpe.datasets.SinGANDataset`. Without a
            ``collate_fn``, batches are stacked by PyTorch's ``default_collate``.
        val_interval: Iterations between validations. None: only ``Runner.val()`` validates.

    Raises:
        InputError: If ``val_interval`` is not valid, or the config has a ``param_scheduler``.

    In a config:

    >>> train_cfg = dict(type='mmpe.PyramidTrainLoop')
    >>> LOOPS.get(train_cfg['type']).__name__
    'PyramidTrainLoop'
    """

    def __init__(self, runner: Runner, dataloader: DataLoader | dict, val_interval: int | None = None):
        prepare(runner, dataloader)
        check_whole(1, val_interval=1 if val_interval is None else val_interval)
        val_begin = math.inf if val_interval is None else 1  # MMEngine validates after the last iteration, too
        super().__init__(runner, _stacking(dataloader), 0, val_begin, val_interval or 1)
        _refuse_schedules(runner)
        self.model = unwrapped(runner.model)
        self.model.set_pyramid(self.dataloader.dataset.sizes)
        self.model.check_trainable()
        broadcast_state(self.model)
        self._max_iters = first_iteration(self.model.iters_per_scale, self.model.num_scales)
        for sentence in describe_unused(self.model.iters_per_scale, self.model.lr_milestones, self.model.num_scales):
            runner.logger.info(sentence)

    def run(self) -> nn.Module:
        """Train. The pyramid is read once and stays in the model's memory.

        Raises:
            InputError: If a resumed checkpoint was trained with another number of iterations per scale, or on another
                picture.
        """
        model = self.model
        _refuse_accumulation(self.runner)
        model.check_progress(model.state_dict(), self._iter)
        batch = model.data_preprocessor.cast_data(next(iter(self.dataloader)))
        finest = batch['inputs'][f'real_scale{model.num_scales - 1}']
        if self._iter and not torch.equal(model.picture, finest.to(model.picture)):
            raise InputError('the checkpoint was trained on another picture: resume with the data_root that it had')
        self.dataloader_iterator = ResumedBatches(repeat(batch), self._iter)
        return super().run()


def _refuse_accumulation(runner: Runner) -> None:
    for name, wrapper in runner.optim_wrapper.items():
        if wrapper._accumulative_counts > 1:
            raise InputError(
                f'optim_wrapper.{name}.accumulative_counts={wrapper._accumulative_counts}: a pyramid is trained on one '
                'picture, whose steps cannot be accumulated; leave it out'
            )


def _refuse_schedules(runner: Runner) -> None:
    if runner.param_schedulers:
        raise InputError(
            'the learning rate of a pyramid follows model.lr_milestones and model.lr_gamma, anew at each scale: leave '
            'param_scheduler out'
        )


def _stacking(dataloader: DataLoader | dict) -> DataLoader | dict:
    """A data loader's config with a ``collate_fn``.

    MMEngine passes everything in ``collate_fn`` on as arguments, including the ``_scope_`` of inherited configs.
    """
    if isinstance(dataloader, DataLoader):
        return dataloader
    collate_fn = dataloader.get('collate_fn') or dict(type='default_collate')
    if isinstance(collate_fn, dict):
        collate_fn = {name: value for name, value in collate_fn.items() if name != '_scope_'}
    return dict(dataloader, collate_fn=collate_fn)
