"""Checkpoints that are written in one step, and that need no other file."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

import mmpe
from mmpe.checkpoints import not_finite
from mmpe.errors import InputError
from mmpe.files import atomic
from mmpe.model_config import check_model_config
from mmpe.numbers import check_interval, check_whole
from mmpe.registry import HOOKS, plain_data


@register_backend('mmpe_atomic')
class AtomicBackend(LocalBackend):
    """MMEngine's backend for local files, which writes each in one step: see :func:`mmpe.files.atomic`."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes."""
        with atomic(filepath) as part:
            super().put(obj, part)


@HOOKS.register_module()
class CompleteCheckpointHook(CheckpointHook):
    """MMEngine's checkpoints, by iteration, each written in one step and complete.

    ``meta`` also holds the model's config as plain data, so :func:`mmpe.apis.load` needs no config file and executes
    none. MMEngine's log history is left out: it is not plain data, and ``torch.load(..., weights_only=True)`` would
    refuse the file.

    A checkpoint that cannot be saved, as on a full disk, or whose weights are not finite ends the run with an
    :class:`~mmpe.errors.InputError`. All earlier checkpoints are kept then.

    Args:
        interval: Iterations between checkpoints.
        max_keep_ckpts: How many checkpoints are kept. While the next one is written, there is one more.

    In a config:

    >>> default_hooks = dict(checkpoint=dict(type='mmpe.CompleteCheckpointHook', interval=5000, max_keep_ckpts=3))
    >>> HOOKS.build(default_hooks['checkpoint']).interval
    5000
    """

    def __init__(self, interval: int = 500, max_keep_ckpts: int = 2, **kwargs):
        check_interval(interval=interval)
        check_whole(-1, max_keep_ckpts=max_keep_ckpts)
        _check_template(kwargs.get('filename_tmpl'))
        kwargs = dict(by_epoch=False, backend_args=dict(backend='mmpe_atomic')) | kwargs
        super().__init__(interval, max_keep_ckpts=max_keep_ckpts, **kwargs)
        self._in_training = False
        self._is_readable = False  # as the first checkpoint shows

    def before_train(self, runner: Runner) -> None:
        """Warn if the model could not be loaded from its checkpoints alone."""
        super().before_train(runner)
        self._in_training = True
        # where there are no schedules MMEngine would warn at each checkpoint
        self.save_param_scheduler &= runner.param_schedulers is not None
        try:
            check_model_config(plain_data(runner.cfg.get('model')))
        except InputError as error:
            runner.logger.warning(f'mmpe.apis.load will not build the model of these checkpoints: {error}')

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the model's config and version, drop the log history, and make the rest plain data.

        Raises:
            InputError: If weights are not finite.
        """
        broken = next(not_finite(checkpoint), None)
        if broken:
            raise InputError(
                f'the checkpoint after iteration {checkpoint["meta"]["iter"]} is not written, as {broken} has values '
                'that are not finite; the checkpoints before it are kept: resume from one with a lower learning rate'
            )
        checkpoint['meta'].update(model=runner.cfg.get('model'), mmpe_version=mmpe.__version__)
        checkpoint['message_hub'].update(log_scalars={}, resumed_keys={})
        for key in ('meta', 'message_hub'):
            checkpoint[key] = plain_data(checkpoint[key])
        if 'param_schedulers' in checkpoint:
            checkpoint['param_schedulers'] = plain_data(_without_functions(checkpoint['param_schedulers']))
        if not self._is_readable:
            _check_readable(checkpoint)
            self._is_readable = True

    def save_now(self, runner: Runner) -> str:
        """Save after the iteration that was just finished, and return the path."""
        if self.last_ckpt is None or not self.last_ckpt.endswith(self.filename_tmpl.format(runner.iter + 1)):
            self._save_checkpoint(runner)
        return self.last_ckpt

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        with self._nothing_lost():
            try:
                super()._save_checkpoint_with_step(runner, step, meta)
            except UnicodeEncodeError:  # of the file that is written last, as text
                Path(runner.work_dir, 'last_checkpoint').write_bytes(os.fsencode(self.last_ckpt))

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        if not self._in_training:  # Runner.val() alone scores, and has nothing to save
            return
        with self._nothing_lost():
            super()._save_best_checkpoint(runner, metrics)

    @contextmanager
    def _nothing_lost(self) -> Iterator[None]:
        """Within, old checkpoints are kept until the new one is written. MMEngine removes them first."""
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


def _check_template(template: str | None) -> None:
    """Warn of names that resuming does not look for. Such a checkpoint can be resumed by its path."""
    if template is not None and (not isinstance(template, str) or '{}' not in template):
        raise InputError(
            f"filename_tmpl={template!r} cannot work: it must be a name with {{}} in it, as 'iter_{{}}.pth'"
        )


def _check_readable(checkpoint: dict) -> None:
    """Refuse what another hook has put into a checkpoint, if it could not be read again."""
    for key, value in checkpoint.items():
        content = io.BytesIO()
        try:
            torch.save(value, content)
            content.seek(0)
            torch.load(content, weights_only=True)
        except Exception as error:  # pickling fails in many ways
            raise InputError(
                f'the checkpoint could not be read again, as its {key!r} holds more than tensors and plain data: '
                'see which hook adds it, and let it add numbers, texts, lists, dicts or tensors'
            ) from error


def _without_functions(data: Any) -> Any:
    """Schedules without the functions that some keep beside their numbers. Their constructors set them anew."""
    if isinstance(data, dict):
        return {key: _without_functions(value) for key, value in data.items() if not callable(value)}
    return [_without_functions(item) for item in data] if isinstance(data, list) else data
