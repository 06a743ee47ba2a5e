"""The loop that trains a pyramid scale by scale."""

from __future__ import annotations

from itertools import repeat

import torch
from mmengine.runner import IterBasedTrainLoop
from torch.utils.data import DataLoader

from mmpe.errors import InputError
from mmpe.numbers import check_finite, check_whole
from mmpe.registry import LOOPS

from .memory import keep_freed_memory
from .wrapper import unwrapped

_MOST_WORKERS = 1024


def check_workers(dataloader: DataLoader | dict) -> None:
    """Refuse a data loader that would start more processes than a machine has room for.

    Raises:
        InputError: If its ``num_workers`` is not a whole number from 0 to 1024.
    """
    number = dataloader.get('num_workers', 0) if isinstance(dataloader, dict) else dataloader.num_workers
    check_whole(0, _MOST_WORKERS, num_workers=number)


@LOOPS.register_module()
class PyramidTrainLoop(IterBasedTrainLoop):
    """As many iterations as the picture has scales times the model's ``iters_per_scale``.

    The picture decides, so the loop asks the data set for its ``sizes`` and gives the model its scales, before the
    optimisers are built and before a checkpoint is loaded.

    Args:
        runner (Runner): MMEngine's.
        dataloader (DataLoader | dict): Of a :class:`~mmpe.datasets.SinGANDataset`.
    """

    def __init__(self, runner, dataloader):
        keep_freed_memory()
        check_finite(runner.cfg._cfg_dict)
        check_workers(dataloader)
        super().__init__(runner, dataloader, max_iters=0, val_interval=1)
        self.model = unwrapped(runner.model)
        self.model.set_pyramid(self.dataloader.dataset.sizes)
        self.model.check_trainable()
        self._max_iters = self.model.num_scales * self.model.iters_per_scale

    def run(self):
        """Train; the pyramid is read once and stays in memory.

        Raises:
            InputError: If a resumed checkpoint was trained with another number of iterations a scale, or on another
                picture.
        """
        model = self.model
        trained = int(model.stage) * model.iters_per_scale + int(model.step)
        if self._iter != trained:
            raise InputError(
                f'the checkpoint is at iteration {self._iter}, which is not {int(model.step)} of scale '
                f'{int(model.stage)} at iters_per_scale={model.iters_per_scale}: resume with the '
                'iters_per_scale that it was trained with'
            )
        batch = next(iter(self.dataloader))
        finest = batch['inputs'][f'real_scale{model.num_scales - 1}']
        if trained and not torch.equal(model.picture, finest.to(model.picture)):
            raise InputError('the checkpoint was trained on another picture: resume with the data_root that it had')
        self.dataloader_iterator = repeat(batch)
        return super().run()
