"""Checks of the checkpoint that a run loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from mmpe.checkpoints import latest_checkpoint, local_checkpoint, read_checkpoint
from mmpe.errors import InputError, naming
from mmpe.models.resumable import ResumableModel
from mmpe.registry import HOOKS

from ..earlier_runs import FOLDER
from ..resuming import check_family, check_resumable, load_whole, plain_state
from ..wrapper import unwrapped

_SCHEME = 'mmpe://'


@CheckpointLoader.register_scheme(prefixes=_SCHEME, force=True)
def load_from_mmpe(filename: str, map_location: Any = None) -> dict:
    """Reads a checkpoint for MMEngine's runner, as data. ``map_location`` is not needed: loading moves the tensors."""
    return read_checkpoint(filename.removeprefix(_SCHEME))


@HOOKS.register_module()
class SameModelHook(Hook):
    """Checks a checkpoint before a run loads it.

    Checkpoints are read by :func:`~mmpe.checkpoints.read_checkpoint` alone, so nothing in them is executed. A run
    resumes only from a complete checkpoint of the same model, while MMEngine would load what fits and leave out the
    rest. In training, ``load_from`` without ``resume`` starts a new run from the weights that fit. Validation and tests
    need all weights.

    In a config:

    >>> custom_hooks = [dict(type='mmpe.SameModelHook')]
    >>> type(HOOKS.build(custom_hooks[0])).__name__
    'SameModelHook'
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Find the checkpoint that will be loaded, and have it read as data.

        Raises:
            InputError: If its name has a scheme that cannot be read as data.
        """
        if runner._has_loaded:
            return
        if runner._resume and runner._load_from is None:
            # the files themselves are asked, not MMEngine's last_checkpoint beside them
            runner._load_from = latest_checkpoint(runner.work_dir)
            runner._resume = runner._load_from is not None
            if not runner._resume:
                self._say_that_nothing_is_there(runner)
        if runner._load_from is not None and not str(runner._load_from).startswith(_SCHEME):
            runner._load_from = _SCHEME + local_checkpoint(runner._load_from)

    def _say_that_nothing_is_there(self, runner: Runner) -> None:
        earlier = Path(runner.work_dir) / FOLDER
        where = f' (earlier runs are in {earlier})' if earlier.is_dir() else ''
        runner.logger.warning(
            f'there is no checkpoint to resume in {runner.work_dir}{where}: training starts from the beginning'
        )

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check all that has been read, before anything of it is used.

        Raises:
            InputError: If the checkpoint cannot be resumed, or does not fit. The message names what is missing or
                differs.
        """
        if self is not _hooks_of(runner)[0]:  # a config that names it twice has it look once
            return
        model = unwrapped(runner.model)
        with naming(file_to_load(runner)):
            check_family(model, checkpoint, runner.cfg.get('model'))
            if runner._resume:
                check_resumable(model, runner.optim_wrapper, checkpoint)
                _forget_other_files(checkpoint['message_hub']['runtime_info'], runner.work_dir)
            elif isinstance(runner._train_loop, BaseLoop):
                _start_anew(runner, model, checkpoint)
            else:
                load_whole(model, checkpoint)


def file_to_load(runner: Runner) -> str:
    """The path of the checkpoint that a runner loads."""
    return str(runner._load_from).removeprefix(_SCHEME)


def _hooks_of(runner: Runner) -> list[SameModelHook]:
    return [hook for hook in runner.hooks if isinstance(hook, SameModelHook)]


def _start_anew(runner: Runner, model: nn.Module, checkpoint: dict) -> None:
    """Reduce a checkpoint to the weights that a new run starts from, and log how many these are."""
    if not isinstance(model, ResumableModel):
        return
    taken = model.take_weights(plain_state(checkpoint))
    if not any('.' in name for name in taken):  # names of what is no counter, but a network's
        raise InputError(
            'nothing of the checkpoint fits the model of the config: no tensor has the same name and shape; if it is '
            'a released one, mmpe convert makes one of mmpe of it'
        )
    checkpoint['state_dict'] = {**model.state_dict(), **taken}
    runner.logger.info(f'a new run starts from weights of the checkpoint: {model.describe_start(taken)}')


def _forget_other_files(info: dict, work_dir: str) -> None:
    """Forget kept and best checkpoints in other work dirs: MMEngine would remove them there."""
    folder = Path(work_dir).resolve()

    def is_own(file: str) -> bool:
        return isinstance(file, str) and file.endswith('.pth') and Path(file).resolve().parent == folder

    def are_iterations(numbers: Any) -> bool:
        return isinstance(numbers, list) and all(type(number) is int for number in numbers)

    checks = dict(best_ckpt=is_own, last_ckpt=is_own, keep_ckpt_ids=are_iterations, best_score=_is_number)
    for name in list(info):
        if not all(check(info[name]) for start, check in checks.items() if name.startswith(start)):
            del info[name]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))
