"""Schedules that cannot be followed are the config's fault."""

from __future__ import annotations

from mmengine.hooks import ParamSchedulerHook

from mmpe.errors import as_input_error
from mmpe.registry import HOOKS


@HOOKS.register_module()
class ScheduleHook(ParamSchedulerHook):
    """MMEngine's; what a schedule finds out when it is computed, and not when it is built, is one line."""

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Step all schedules.

        Raises:
            InputError: If one of them cannot be computed.
        """
        with as_input_error(f'param_scheduler cannot be followed after iteration {runner.iter + 1}'):
            super().after_train_iter(runner, batch_idx, data_batch, outputs)
