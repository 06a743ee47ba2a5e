"""Pictures of one generator at several sizes, to look at while it is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmpe.models.adversarial import AdversarialModel
from mmpe.numbers import check_interval, check_whole, given, size_text
from mmpe.registry import HOOKS
from mmpe.visualization import save_sheet

from ..modes import evaluating
from ..wrapper import unwrapped
from .pyramid_picture_hook import MOST_SHOWN


@HOOKS.register_module()
class SizesPictureHook(Hook):
    """Writes ``pictures/iter_K.png``, always of the same images: one row per image, one column per size.

    An :class:`~mmpe.models.adversarial.AdversarialModel` draws them at every size that it is trained at, another model
    at its own.

    Args:
        interval: Iterations between pictures. One more is drawn at the end.
        num_samples: Rows per picture.

    In a config:

    >>> custom_hooks = [dict(type='mmpe.SizesPictureHook', interval=1000)]
    >>> HOOKS.build(custom_hooks[0]).interval
    1000
    """

    priority = 'LOW'

    def __init__(self, interval: int = 5000, num_samples: int = 6):
        check_interval(interval=interval)
        check_whole(1, MOST_SHOWN, num_samples=num_samples)
        self.interval = interval
        self.num_samples = num_samples

    @master_only
    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Draw every ``interval`` iterations, and after the last one."""
        if self.every_n_train_iters(runner, self.interval) or self.is_last_train_iter(runner):
            self._draw(runner)

    def _draw(self, runner: Runner) -> None:
        with evaluating(unwrapped(runner.model)) as model:
            sizes = model.sizes if isinstance(model, AdversarialModel) else [None]
            columns = [model.sample(self.num_samples, **given(size=size)) for size in sizes]
        images = [image for row in zip(*columns) for image in row]
        captions = [size_text(column.shape[-2:]) for column in columns] * self.num_samples
        path = Path(runner.work_dir) / 'pictures' / f'iter_{runner.iter + 1}.png'
        save_sheet(images, path, captions, columns=len(columns))
        runner.logger.info(f'wrote {path}')
