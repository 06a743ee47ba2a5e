"""A run that has diverged ends."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook

from mmpe.errors import InputError
from mmpe.registry import HOOKS


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stops training at the first loss that is not a finite number, on all processes, before anything is saved."""

    priority = 'VERY_HIGH'

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """Look at what the iteration logs.

        Raises:
            InputError: If not all of it is finite; it names the iteration, the losses and the last checkpoint.
        """
        broken = [f'{name}={_show(value)}' for name, value in (outputs or {}).items() if not _is_finite(value)]
        anywhere = torch.tensor(len(broken))
        all_reduce(anywhere, op='max')
        if not anywhere:
            return
        saved = runner.message_hub.runtime_info.get('last_ckpt')
        raise InputError(
            f'training has diverged at iteration {runner.iter + 1}: {", ".join(broken) or "on another process"}; '
            + (f'the last good checkpoint is {saved}' if saved else 'no checkpoint had been saved')
            + '; try a lower learning rate, or without --amp'
        )


def _is_finite(value) -> bool:
    return isinstance(value, str) or value is None or bool(torch.isfinite(torch.as_tensor(value)).all())


def _show(value) -> str:
    return ' '.join(str(v) for v in torch.as_tensor(value).flatten().tolist())
