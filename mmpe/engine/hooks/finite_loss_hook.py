"""The end of a run that has diverged."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner

from mmpe.errors import InputError
from mmpe.registry import HOOKS

from ..optim import Float16OptimWrapper
from .agreeing_hook import AgreeingHook


@HOOKS.register_module()
class FiniteLossHook(AgreeingHook):
    """Stops training at the first loss that is not a finite number, on all processes, before anything is saved.

    Where optimizers scale losses (:class:`~mmpe.engine.Float16OptimWrapper`), they skip the steps of such losses, and
    stop training themselves when that goes on for long.

    In a config:

    >>> custom_hooks = [dict(type='mmpe.FiniteLossHook')]
    >>> type(HOOKS.build(custom_hooks[0])).__name__
    'FiniteLossHook'
    """

    priority = 'VERY_HIGH'

    def notice(self, outputs: dict | None) -> int:
        """How many losses are not finite."""
        return len(_broken(outputs))

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Check the losses of the iteration.

        Raises:
            InputError: If one is not finite. The message names the iteration, the losses and the last checkpoint.
        """
        if _skips_steps(runner.optim_wrapper) or not self.anywhere(outputs):
            return
        losses = ', '.join(_broken(outputs)) or 'on another process'
        saved = runner.message_hub.runtime_info.get('last_ckpt')
        raise InputError(
            f'training has diverged at iteration {runner.iter + 1}: {losses}; '
            + (f'the last good checkpoint is {saved}' if saved else 'no checkpoint had been saved')
            + '; try a lower learning rate, or without --amp'
        )


def _broken(outputs: dict | None) -> list[str]:
    return [f'{name}={_show(value)}' for name, value in (outputs or {}).items() if not _is_finite(value)]


def _skips_steps(wrapper: OptimWrapper | OptimWrapperDict) -> bool:
    wrappers = wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
    return all(isinstance(wrapper, Float16OptimWrapper) for wrapper in wrappers)


def _is_finite(value: Any) -> bool:
    return isinstance(value, str) or value is None or bool(torch.isfinite(torch.as_tensor(value)).all())


def _show(value: Any) -> str:
    return ' '.join(str(v) for v in torch.as_tensor(value).flatten().tolist())
