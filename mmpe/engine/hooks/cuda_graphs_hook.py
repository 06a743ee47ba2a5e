"""The CUDA graphs of a run."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmpe.registry import HOOKS

from ..cuda_graphs import GraphedSteps, check_graphs
from ..wrapper import unwrapped


@HOOKS.register_module()
class CudaGraphsHook(Hook):
    """Captures a SinGAN's training in CUDA graphs, as the config's ``cuda_graphs`` says. A run adds the hook by itself.

    What is saved is the same as without graphs, so a run goes on with or without them.

    >>> HOOKS.get('mmpe.CudaGraphsHook').__name__
    'CudaGraphsHook'
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Have the training rule run its steps as graphs.

        Raises:
            InputError: If that cannot work; see :func:`~mmpe.engine.cuda_graphs.check_graphs`.
        """
        model = unwrapped(runner.model)
        check_graphs(model, runner.optim_wrapper)
        model.run_steps = GraphedSteps(model, runner.optim_wrapper)
        print_log('steps are replayed as CUDA graphs, after a few iterations that warm up', 'current')

    def after_train(self, runner: Runner) -> None:
        """Free the graphs."""
        model = unwrapped(runner.model)
        model.run_steps.close()
        del model.run_steps
