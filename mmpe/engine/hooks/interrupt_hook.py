"""Saving on Ctrl-C, and on the signals of schedulers."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType
from typing import Any

from mmengine.dist import barrier, get_world_size
from mmengine.runner import Runner

from mmpe.registry import HOOKS

from .agreeing_hook import AgreeingHook
from .checkpoint_hook import CompleteCheckpointHook

_GRACE = 10  # seconds
_REPEAT = 2.0  # seconds


@HOOKS.register_module()
class InterruptHook(AgreeingHook):
    """On SIGINT, SIGTERM, SIGUSR1 or SIGUSR2, finishes the iteration, saves, and exits with 128 + the signal's number.

    That is 130 for Ctrl-C and 143 for SIGTERM. On Linux it is 138 for SIGUSR1 and 140 for SIGUSR2, by which schedulers
    announce the end of a job's time. A validation is left at once, and a resumed run does not repeat it.

    A second signal ends the process without saving, unless it comes at the same moment: launchers pass on signals that
    their whole group has received already.

    In a config:

    >>> custom_hooks = [dict(type='mmpe.InterruptHook')]
    >>> type(HOOKS.build(custom_hooks[0])).__name__
    'InterruptHook'
    """

    priority = 'LOWEST'  # what is saved has all that the iteration changes, learning rates too
    signals = tuple(
        getattr(signal, name) for name in ('SIGINT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2') if hasattr(signal, name)
    )

    def __init__(self):
        self.received = 0
        self.received_at = 0.0
        self.previous = {}
        self.owner = os.getpid()

    def before_train(self, runner: Runner) -> None:
        """Handle the signals from here on. Python allows that in the main thread only."""
        if threading.current_thread() is threading.main_thread():
            self.previous = {number: signal.signal(number, self._receive) for number in self.signals}

    def after_train(self, runner: Runner) -> None:
        """Restore the earlier handlers. A scheduler's notice must not end a run that is done: it stays ignored."""
        for number, handler in self.previous.items():
            is_notice = number not in (signal.SIGINT, signal.SIGTERM)
            signal.signal(number, signal.SIG_IGN if is_notice and handler == signal.SIG_DFL else handler)
        self.previous = {}

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Save and exit, if a process has received a signal."""
        received = self.anywhere(outputs)
        if received:
            self._leave(runner, received, f'after iteration {runner.iter + 1}')

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Save and exit, as in :meth:`after_train_iter`. Where only ``Runner.val()`` runs, nothing is saved."""
        if not self.previous or not _in_step(runner.val_dataloader):
            return
        received = self.anywhere()
        if received:
            runner.train_loop._iter -= 1  # which the loop has counted, and no checkpoint does before it is saved
            self._leave(runner, received, f'in the validation after iteration {runner.iter + 1}')

    def _leave(self, runner: Runner, received: int, when: str) -> None:
        saver = next((hook for hook in runner.hooks if isinstance(hook, CompleteCheckpointHook)), None)
        if saver is None:
            runner.logger.warning('interrupted; there is no CompleteCheckpointHook to save with')
        else:
            path = saver.save_now(runner)
            runner.logger.info(f'interrupted {when}; saved {path}; --resume continues there')
        barrier()  # a launcher ends all processes when the first has left, and one of them may still be saving
        if get_world_size() > 1 and self.previous:  # nor shall its signal change the code that this one ends with
            self.previous = dict.fromkeys(self.previous, signal.SIG_IGN)
        self.after_train(runner)
        raise SystemExit(128 + received)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self.owner:
            # A data loader's worker has inherited this. It stays while training finishes its iteration, for a worker
            # that dies breaks it, and not for ever: at the end of a failed run Python sends SIGTERM and waits.
            signal.alarm(_GRACE)
            return
        now = time.monotonic()
        if not self.received:
            self.received, self.received_at = number, now
        elif now > self.received_at + _REPEAT:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def notice(self, outputs: dict | None = None) -> int:
        """The signal that this process has received."""
        return self.received


def _in_step(dataloader: Any) -> bool:
    """Whether all processes take the same number of batches, so that they can ask one another after each."""
    return get_world_size() == 1 or getattr(dataloader.sampler, 'round_up', False)
