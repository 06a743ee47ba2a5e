"""Checkpoints that are written whole or not at all, and that need nothing beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook

import mmpe
from mmpe.errors import InputError
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

    What cannot be saved, on a full disk say, or should not be, as its weights are not finite, ends the run with an
    :class:`~mmpe.errors.InputError`; all earlier checkpoints are still there then.

    Args:
        interval (int): Iterations between checkpoints.
        max_keep_ckpts (int): How many stay, 2 at least; there is one more while the next is written.
    """

    def __init__(self, interval: int = 500, max_keep_ckpts: int = 2, **kwargs):
        if max_keep_ckpts == 1:
            raise ValueError('max_keep_ckpts=1 would remove the only checkpoint before the next one is written')
        kwargs = dict(by_epoch=False, backend_args=dict(backend='mmpe_atomic'), save_param_scheduler=False) | kwargs
        super().__init__(interval, max_keep_ckpts=max_keep_ckpts, **kwargs)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Add the model's config and version, drop the log history, make the rest plain; refuse broken weights."""
        broken = next(_not_finite(checkpoint), None)
        if broken:
            raise InputError(
                f'the checkpoint after iteration {checkpoint["meta"]["iter"]} is not written, as {broken} has values '
                'that are not finite; the checkpoints before it are kept: resume from one with a lower learning rate'
            )
        checkpoint['meta'].update(model=runner.cfg.get('model'), mmpe_version=mmpe.__version__)
        checkpoint['message_hub'].update(log_scalars={}, resumed_keys={})
        for key in ('meta', 'message_hub'):
            checkpoint[key] = _plain(checkpoint[key])

    def save_now(self, runner) -> str:
        """Save after the iteration just finished; returns the path."""
        if self.last_ckpt is None or not self.last_ckpt.endswith(self.filename_tmpl.format(runner.iter + 1)):
            self._save_checkpoint(runner)
        return self.last_ckpt

    def _save_checkpoint_with_step(self, runner, step, meta):
        with self._nothing_lost():
            try:
                super()._save_checkpoint_with_step(runner, step, meta)
            except UnicodeEncodeError:  # of the file that is written last, as text
                Path(runner.work_dir, 'last_checkpoint').write_bytes(os.fsencode(self.last_ckpt))

    def _save_best_checkpoint(self, runner, metrics):
        with self._nothing_lost():
            super()._save_best_checkpoint(runner, metrics)

    @contextmanager
    def _nothing_lost(self):
        """Remove nothing before the new checkpoint is written; MMEngine removes first."""
        remove, outdated = self.file_backend.remove, []
        self.file_backend.remove = outdated.append
        try:
            yield
        except OSError as error:
            raise InputError(
                f'a checkpoint cannot be written to {self.out_dir}: {error.strerror or error}; the checkpoints before '
                'it are kept: make room, or set max_keep_ckpts lower, and resume'
            ) from error
        finally:
            self.file_backend.remove = remove
        for path in outdated:
            remove(path)


def _not_finite(data, name: str = '') -> Iterator[str]:
    """The names of the tensors, through any nesting, that hold infinities or NaNs."""
    if isinstance(data, torch.Tensor):
        if not torch.isfinite(data).all():
            yield name
    elif isinstance(data, (dict, list, tuple)):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _not_finite(value, f'{name}.{key}' if name else str(key))


def _plain(data):
    """Configs and NumPy's numbers as Python's dicts, lists, tuples and numbers."""
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return type(data)(_plain(value) for value in data)
    return data.item() if isinstance(data, np.generic) else data
