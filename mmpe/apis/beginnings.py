"""Where a run begins: what goes wrong before its first iteration is the fault of its config."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmpe.errors import InputError, reason


@contextmanager
def blaming_config(runner: Runner) -> Iterator[None]:
    """Turn what goes wrong before the first iteration into an :class:`~mmpe.errors.InputError`.

    Until then schedulers, loops and the first batch are made of what the config says. What goes wrong later keeps its
    type: it may be mmpe's own fault.
    """
    begun = _Begun()
    runner.register_hook(begun, 'LOWEST')
    try:
        yield
    except Exception as error:
        if begun.seen or isinstance(error, InputError):
            raise
        raise InputError(f'the config cannot be used: {reason(error)}') from error


class _Begun(Hook):
    """Sees the first iteration."""

    seen = False

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self.seen = True

    before_val_iter = before_test_iter = before_train_iter
