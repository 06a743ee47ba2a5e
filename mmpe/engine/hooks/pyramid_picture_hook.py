"""Pictures to look at while a SinGAN is trained."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmpe.numbers import check_above, check_numbers, check_whole, size_text
from mmpe.registry import HOOKS
from mmpe.visualization import save_sheet

from ..modes import evaluating
from ..wrapper import unwrapped

MOST_SHOWN = 10_000
"""Samples on a sheet that is there to be looked at."""

_LARGEST_RATIO = 1000


@HOOKS.register_module()
class PyramidPictureHook(Hook):
    """Writes ``pictures/scale_K.png`` (original, reconstruction, samples) at the end of each scale.

    At the end of the run it writes ``pictures/samples_HxW.png``, one file per shape.

    Args:
        num_samples: Samples per sheet.
        ratios: The shapes of the last samples, as multiples of the picture's (height, width).

    In a config:

    >>> custom_hooks = [dict(type='mmpe.PyramidPictureHook', num_samples=9, ratios=[(1, 1), (1, 3)])]
    >>> HOOKS.build(custom_hooks[0]).num_samples
    9
    """

    priority = 'LOW'

    def __init__(self, num_samples: int = 6, ratios: Sequence[tuple[float, float]] = ((1, 1), (1, 2))):
        check_whole(1, MOST_SHOWN, num_samples=num_samples)
        check_numbers(partial(check_numbers, partial(check_above, 0, _LARGEST_RATIO), 2), ratios=ratios)
        self.num_samples = num_samples
        self.ratios = ratios

    @master_only
    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Draw the scale that has just been finished."""
        model = unwrapped(runner.model)
        if model.numbers('step') > 0:
            return
        scale = model.numbers('stage')
        real = data_batch['inputs'][f'real_scale{scale - 1}']
        with evaluating(model):
            pictures = [real, model.reconstruct(), *model.sample(self.num_samples).split(1)]
        names = ['original', 'reconstruction', *[f'sample {i}' for i in range(self.num_samples)]]
        save_sheet(pictures, self._folder(runner) / f'scale_{scale}.png', names)

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Draw the finished pyramid's samples."""
        model = unwrapped(runner.model)
        height, width = model.sizes[-1].tolist()
        for tall, wide in self.ratios:
            size = round(height * tall), round(width * wide)
            with evaluating(model):
                samples = model.sample(self.num_samples, size)
            path = self._folder(runner) / f'samples_{size_text(size)}.png'
            save_sheet(samples.split(1), path)
            runner.logger.info(f'wrote {path}')

    def _folder(self, runner: Runner) -> Path:
        return Path(runner.work_dir) / 'pictures'
