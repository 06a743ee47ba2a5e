"""The time that the training of a SinGAN still takes."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import IterTimerHook
from mmengine.runner import Runner

from mmpe.models.singan.iterations import iterations_of, place_of
from mmpe.registry import HOOKS

from ..wrapper import unwrapped

# A scale of no pixels would still cost the launching of its kernels: about as much as this many multiply-adds a layer.
_LAUNCH = 5e6


@HOOKS.register_module()
class PyramidTimerHook(IterTimerHook):
    """Estimates when the whole run will be done, by work and not by iterations: later scales are larger and slower.

    In a config:

    >>> default_hooks = dict(timer=dict(type='mmpe.PyramidTimerHook'))
    >>> type(HOOKS.build(default_hooks['timer'])).__name__
    'PyramidTimerHook'
    """

    def before_train(self, runner: Runner) -> None:
        """Estimate the cost of an iteration of each scale, in multiply-adds per layer."""
        super().before_train(runner)
        model = unwrapped(runner.model)
        self.iters_per_scale = model.iters_per_scale
        self.costs = [
            height * width * block.width**2 + _LAUNCH
            for (height, width), block in zip(model.sizes.tolist(), model.generator.blocks)
        ]
        self.done_before = self._work(runner.iter)

    def _work(self, iterations: int) -> float:
        """Cost of the first ``iterations`` of the run."""
        scale, step = place_of(self.iters_per_scale, iterations)
        finished = sum(cost * iterations_of(self.iters_per_scale, i) for i, cost in enumerate(self.costs[:scale]))
        return finished + (self.costs[scale] * step if step else 0)

    def _after_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None, mode: str = 'train'
    ) -> None:
        super()._after_iter(runner, batch_idx, data_batch, outputs, mode)
        if mode == 'train':
            done = self._work(runner.iter + 1)
            left = self._work(runner.max_iters) - done
            runner.message_hub.update_info('eta', self.time_sec_tot * left / (done - self.done_before))
