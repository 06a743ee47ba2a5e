"""Errors in a run that are caused by its config."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmpe.errors import InputError, reason

_UNDETERMINED = 'does not have a deterministic implementation'


@contextmanager
def as_config_error(runner: Runner) -> Iterator[None]:
    """Within, turn errors before the first iteration, and errors in MMEngine's own hooks, into an ``InputError``.

    Before the first iteration, schedulers, loops and the first batch are made from the config, and MMEngine's hooks
    follow it throughout. Kernels that the config's ``randomness.deterministic`` rules out are met in training. Other
    errors keep their type: they may be faults of mmpe, or of the user's code.
    """
    begun = _Begun()
    runner.register_hook(begun, 'LOWEST')
    try:
        yield
    except Exception as error:
        if _UNDETERMINED in str(error):
            raise InputError(
                f'randomness.deterministic=True cannot work: {str(error).partition(_UNDETERMINED)[0]}has only a kernel '
                'whose sums differ from run to run; leave it out'
            ) from error
        hook = _hook_of_mmengine(error)
        if isinstance(error, InputError) or (begun.seen and not hook):
            raise
        where = f'{hook} at iteration {runner.iter + 1}: ' if begun.seen else ''
        raise InputError(f'the config cannot be used: {where}{reason(error)}') from error


class _Begun(Hook):
    """Notes whether an iteration has begun."""

    seen = False

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        self.seen = True

    before_val_iter = before_test_iter = before_train_iter


def _hook_of_mmengine(error: Exception) -> str:
    """The class of the hook in which an error was raised, if it was MMEngine's code that failed. Empty otherwise."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    called = [i for i, frame in enumerate(frames) if frame.f_code.co_name == 'call_hook'][-1:]
    within = frames[called[0] + 1 :] if called else []
    modules = [frame.f_globals.get('__name__', '').partition('.')[0] for frame in within]
    ours = [module for module in modules if module in ('mmengine', 'mmpe')]
    if not modules or modules[0] != 'mmengine' or ours[-1] != 'mmengine':
        return ''
    return type(within[0].f_locals.get('self')).__name__
