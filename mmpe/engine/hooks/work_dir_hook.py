"""A work dir belongs to one run."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import shorten

from mmengine.dist import barrier, is_main_process, master_only
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop

from mmpe.files import remove_parts, write_atomic
from mmpe.registry import HOOKS

from ..earlier_runs import checkpoints_after, files_of_a_run, finish_moves, set_aside
from ..run_lock import RunLock
from .same_model_hook import file_to_load


@HOOKS.register_module()
class WorkDirHook(Hook):
    """Lets one run at a time train in a work dir, and keeps it apart from earlier ones.

    What an earlier run has left is moved to ``earlier_runs/N`` in the work dir once the first batch of a new run has
    been read. ``resume`` goes on with the last checkpoint of the work dir itself, never with those. A run that resumes
    from an earlier checkpoint than the last, or from one of another work dir, sets aside what it does not go on with.
    """

    priority = 'HIGHEST'

    def __init__(self):
        self._lock = None
        self._has_begun = False

    def before_run(self, runner) -> None:
        """Lock the work dir; of validation and tests nothing is asked.

        Raises:
            InputError: If another run trains there.
        """
        if not isinstance(runner._train_loop, BaseLoop):
            return
        self._lock = RunLock.take(runner.work_dir)
        if is_main_process():
            tidy(runner.work_dir)
        barrier()

    def before_train(self, runner) -> None:
        """Set aside what a resumed run does not go on with, before the checkpoint hook removes any of it."""
        self._has_begun = bool(runner._resume)
        if runner._resume:
            self._set_aside_others(runner)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Set aside what another run has left, now that this one is sure to train."""
        if not self._has_begun:
            self._has_begun = True
            self._set_aside(runner, files_of_a_run(runner.work_dir, but=runner.timestamp))

    def after_run(self, runner) -> None:
        """Let the next run in."""
        if self._lock is not None:
            self._lock.give_back()
            self._lock = None

    @master_only
    def _set_aside_others(self, runner) -> None:
        checkpoint = Path(file_to_load(runner))
        if not _is_in(checkpoint, runner.work_dir):
            self._set_aside(runner, files_of_a_run(runner.work_dir, but=runner.timestamp))
        elif self._set_aside(runner, checkpoints_after(runner.work_dir, runner.iter)):
            write_atomic(Path(runner.work_dir) / 'last_checkpoint', str(checkpoint))

    @master_only
    def _set_aside(self, runner, names: list[str]) -> bool:
        if names:
            folder = set_aside(runner.work_dir, names)
            runner.logger.warning(f'moved files of an earlier run to {folder}: {shorten(", ".join(names), 300)}')
        return bool(names)


def tidy(work_dir: str | Path) -> None:
    """Sort out what a killed run has left in a work dir that is locked."""
    work_dir = Path(work_dir)
    finish_moves(work_dir)
    for folder in (work_dir, work_dir / 'pictures', work_dir / 'result'):
        remove_parts(folder)


def _is_in(file: Path, folder: str | Path) -> bool:
    return os.path.realpath(file.parent) == os.path.realpath(folder)
