"""Steps of the schedules, whose mistakes are the config's."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import ParamSchedulerHook
from mmengine.runner import Runner

from mmpe.errors import as_input_error
from mmpe.registry import HOOKS


@HOOKS.register_module()
class ScheduleHook(ParamSchedulerHook):
    """MMEngine's hook, with one line for a mistake that a schedule finds only when it is computed.

    In a config:

    >>> default_hooks = dict(param_scheduler=dict(type='mmpe.ScheduleHook'))
    >>> type(HOOKS.build(default_hooks['param_scheduler'])).__name__
    'ScheduleHook'
    """

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Step all schedules.

        Raises:
            InputError: If a schedule cannot be computed.
        """
        with as_input_error(f'param_scheduler cannot be followed after iteration {runner.iter + 1}'):
            super().after_train_iter(runner, batch_idx, data_batch, outputs)
