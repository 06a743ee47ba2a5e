"""The time that a pyramid still takes."""

from mmengine.hooks import IterTimerHook

from mmpe.registry import HOOKS

from ..wrapper import unwrapped

# A scale of no pixels would still cost the launching of its kernels: about as much as this many multiply-adds a layer.
_LAUNCH = 5e6


@HOOKS.register_module()
class PyramidTimerHook(IterTimerHook):
    """An ETA of the whole run, although later scales are larger and slower: work is counted, not iterations."""

    def before_train(self, runner) -> None:
        """Work out what an iteration of each scale costs, in multiply-adds a layer."""
        super().before_train(runner)
        model = unwrapped(runner.model)
        self.iters = model.iters_per_scale
        self.costs = [
            height * width * block.width**2 + _LAUNCH
            for (height, width), block in zip(model.sizes.tolist(), model.generator.blocks)
        ]
        self.done_before = self._work(runner.iter)

    def _work(self, iterations: int) -> float:
        """Cost of the first ``iterations`` of the run."""
        scale, step = divmod(iterations, self.iters)
        return sum(self.costs[:scale]) * self.iters + (self.costs[scale] * step if step else 0)

    def _after_iter(self, runner, batch_idx, data_batch=None, outputs=None, mode='train') -> None:
        super()._after_iter(runner, batch_idx, data_batch, outputs, mode)
        if mode == 'train':
            done = self._work(runner.iter + 1)
            left = self._work(runner.max_iters) - done
            runner.message_hub.update_info('eta', self.time_sec_tot * left / (done - self.done_before))
