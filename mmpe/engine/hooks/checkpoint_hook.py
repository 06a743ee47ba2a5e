"""Checkpoints that are written whole or not at all, and that need nothing beside them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook

import mmpe
from mmpe.registry import HOOKS


@register_backend('mmpe_atomic')
class AtomicBackend(LocalBackend):
    """Local files that appear complete: a write that is cut short leaves what was there before."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write to a temporary file beside ``filepath``, then rename."""
        temporary = f'{filepath}.part'
        try:
            super().put(obj, temporary)
            with open(temporary, 'rb') as file:
                os.fsync(file.fileno())
            os.replace(temporary, filepath)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


@HOOKS.register_module()
class CompleteCheckpointHook(CheckpointHook):
    """MMEngine's, by iteration, atomic, and complete.

    ``meta`` also holds the model's config as plain data, so that :func:`mmpe.apis.load` needs no config file and runs
    none. MMEngine's log history is left out: it is not plain data, and ``torch.load(..., weights_only=True)`` of any
    PyTorch would refuse the file.

    Args:
        interval (int): Iterations between checkpoints.
        max_keep_ckpts (int): How many stay. MMEngine removes the oldest before it writes the next, so 2 at least.
    """

    def __init__(self, interval: int = 500, max_keep_ckpts: int = 2, **kwargs):
        if max_keep_ckpts == 1:
            raise ValueError('max_keep_ckpts=1 would remove the only checkpoint before the next one is written')
        kwargs = dict(by_epoch=False, backend_args=dict(backend='mmpe_atomic'), save_param_scheduler=False) | kwargs
        super().__init__(interval, max_keep_ckpts=max_keep_ckpts, **kwargs)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Add the model's config and version, drop the log history, make the rest plain."""
        checkpoint['meta'].update(model=runner.cfg.get('model'), mmpe_version=mmpe.__version__)
        checkpoint['message_hub'].update(log_scalars={}, resumed_keys={})
        for key in ('meta', 'message_hub'):
            checkpoint[key] = _plain(checkpoint[key])

    def save_now(self, runner) -> str:
        """Save after the iteration just finished; returns the path."""
        if self.last_ckpt is None or not self.last_ckpt.endswith(self.filename_tmpl.format(runner.iter + 1)):
            self._save_checkpoint(runner)
        return self.last_ckpt


def _plain(data):
    """Configs and NumPy's numbers as Python's dicts, lists, tuples and numbers."""
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return type(data)(_plain(value) for value in data)
    return data.item() if isinstance(data, np.generic) else data
