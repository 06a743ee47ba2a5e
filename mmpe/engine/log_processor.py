"""The line that a pyramid's training logs."""

from __future__ import annotations

from mmengine.runner import LogProcessor

from mmpe.numbers import check_whole
from mmpe.registry import LOG_PROCESSORS

from .wrapper import unwrapped


@LOG_PROCESSORS.register_module()
class PyramidLogProcessor(LogProcessor):
    """MMEngine's, by iteration, with "scale k of n" before it."""

    def __init__(self, window_size: int = 10, by_epoch: bool = False, **settings):
        check_whole(1, window_size=window_size)
        super().__init__(window_size, by_epoch, **settings)

    def get_log_after_iter(self, runner, batch_idx: int, mode: str) -> tuple[dict, str]:
        """As MMEngine's; ``scale`` is logged too, counted from 1."""
        tag, line = super().get_log_after_iter(runner, batch_idx, mode)
        if mode != 'train':
            return tag, line
        model = unwrapped(runner.model)
        scale, step = divmod(runner.iter, model.iters_per_scale)
        tag['scale'] = scale + 1
        return tag, f'scale {scale + 1} of {model.num_scales} [{step + 1}/{model.iters_per_scale}]  {line}'
