"""What goes wrong in a run by the fault of its config."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmpe.errors import InputError, reason


@contextmanager
def as_config_error(runner: Runner) -> Iterator[None]:
    """Turn what goes wrong before the first iteration, or in MMEngine's own hooks, into an ``InputError``.

    Until then schedulers, loops and the first batch are made of what the config says, and MMEngine's hooks do what it
    says throughout. What goes wrong elsewhere keeps its type: it may be mmpe's own fault, or that of the user's code.
    """
    begun = _Begun()
    runner.register_hook(begun, 'LOWEST')
    try:
        yield
    except Exception as error:
        hook = _hook_of_mmengine(error)
        if isinstance(error, InputError) or (begun.seen and not hook):
            raise
        where = f'{hook} at iteration {runner.iter + 1}: ' if begun.seen else ''
        raise InputError(f'the config cannot be used: {where}{reason(error)}') from error


class _Begun(Hook):
    """Sees the first iteration."""

    seen = False

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self.seen = True

    before_val_iter = before_test_iter = before_train_iter


def _hook_of_mmengine(error: Exception) -> str:
    """The class of the hook in which an error was raised, if MMEngine's code did what failed and not mmpe's."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    called = [i for i, frame in enumerate(frames) if frame.f_code.co_name == 'call_hook'][-1:]
    within = frames[called[0] + 1 :] if called else []
    modules = [frame.f_globals.get('__name__', '').partition('.')[0] for frame in within]
    ours = [module for module in modules if module in ('mmengine', 'mmpe')]
    if not modules or modules[0] != 'mmengine' or ours[-1] != 'mmengine':
        return ''
    return type(within[0].f_locals.get('self')).__name__
