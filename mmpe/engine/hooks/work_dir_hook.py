"""One run per work dir."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import shorten
from typing import Any

from mmengine.dist import barrier, is_main_process, master_only
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from mmpe.files import remove_parts, write_atomic
from mmpe.registry import HOOKS

from ..earlier_runs import checkpoints_after, files_of_a_run, finish_moves, set_aside
from ..run_lock import RunLock
from .same_model_hook import file_to_load


@HOOKS.register_module()
class WorkDirHook(Hook):
    """Lets one run at a time train in a work dir, and keeps its files apart from those of earlier runs.

    Once the first batch of a new run has been read, the files of an earlier run are moved to ``earlier_runs/N`` in the
    work dir. ``resume`` goes on with the last checkpoint of the work dir itself, never with a moved one. A run that
    resumes from an earlier checkpoint than the last, or from one of another work dir, moves the later files as well.

    In a config:

    >>> custom_hooks = [dict(type='mmpe.WorkDirHook')]
    >>> type(HOOKS.build(custom_hooks[0])).__name__
    'WorkDirHook'
    """

    priority = 'HIGHEST'

    def __init__(self):
        self._lock = None
        self._has_begun = False

    def before_run(self, runner: Runner) -> None:
        """Lock the work dir. Validation and tests need no lock.

        Raises:
            InputError: If another run trains there.
        """
        if not isinstance(runner._train_loop, BaseLoop):
            return
        self._lock = RunLock.take(runner.work_dir)
        if is_main_process():
            tidy(runner.work_dir)
        barrier()

    def before_train(self, runner: Runner) -> None:
        """Set aside the files that a resumed run does not go on with, before the checkpoint hook removes any."""
        self._has_begun = bool(runner._resume)
        if runner._resume:
            self._set_aside_others(runner)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Set aside the files of another run, now that this one is sure to train."""
        if not self._has_begun:
            self._has_begun = True
            self._set_aside(runner, files_of_a_run(runner.work_dir, but=runner.timestamp))

    def after_run(self, runner: Runner) -> None:
        """Release the work dir."""
        if self._lock is not None:
            self._lock.give_back()
            self._lock = None

    @master_only
    def _set_aside_others(self, runner: Runner) -> None:
        checkpoint = Path(file_to_load(runner))
        if not _is_in(checkpoint, runner.work_dir):
            self._set_aside(runner, files_of_a_run(runner.work_dir, but=runner.timestamp))
        elif self._set_aside(runner, checkpoints_after(runner.work_dir, runner.iter)):
            write_atomic(Path(runner.work_dir) / 'last_checkpoint', str(checkpoint))

    @master_only
    def _set_aside(self, runner: Runner, names: list[str]) -> bool:
        if names:
            folder = set_aside(runner.work_dir, names)
            runner.logger.warning(f'moved files of an earlier run to {folder}: {shorten(", ".join(names), 300)}')
        return bool(names)


def tidy(work_dir: str | Path) -> None:
    """Clean up what a killed run has left in a work dir, which must be locked: half-written and half-moved files.

    >>> tidy('.')
    """
    work_dir = Path(work_dir)
    finish_moves(work_dir)
    for folder in (work_dir, work_dir / 'pictures', work_dir / 'result'):
        remove_parts(folder)


def _is_in(file: Path, folder: str | Path) -> bool:
    return os.path.realpath(file.parent) == os.path.realpath(folder)
