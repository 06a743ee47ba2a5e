"""Ctrl-C and a scheduler's SIGTERM lose nothing."""

import os
import signal
import threading

import torch
from mmengine.dist import all_reduce, barrier, get_world_size
from mmengine.hooks import Hook

from mmpe.registry import HOOKS

from .checkpoint_hook import CompleteCheckpointHook

_GRACE = 10  # seconds


@HOOKS.register_module()
class InterruptHook(Hook):
    """On SIGINT or SIGTERM, finish the iteration, save, and exit with 128 + the signal's number (130 for Ctrl-C).

    A second signal ends the process at once.
    """

    priority = 'LOWEST'  # what is saved has all that the iteration changes, learning rates too
    signals = (signal.SIGINT, signal.SIGTERM)

    def __init__(self):
        self.received = 0
        self.previous = {}
        self.owner = os.getpid()

    def before_train(self, runner) -> None:
        """Take over the signals, where Python lets us: in the main thread."""
        if threading.current_thread() is threading.main_thread():
            self.previous = {number: signal.signal(number, self._receive) for number in self.signals}

    def after_train(self, runner) -> None:
        """Give the signals back."""
        for number, handler in self.previous.items():
            signal.signal(number, handler)
        self.previous = {}

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """Save and leave if a signal came, on any process."""
        received = self._anywhere()
        if not received:
            return
        self.after_train(runner)
        saver = next((hook for hook in runner.hooks if isinstance(hook, CompleteCheckpointHook)), None)
        if saver is None:
            runner.logger.warning('interrupted; there is no CompleteCheckpointHook to save with')
        else:
            path = saver.save_now(runner)
            runner.logger.info(f'interrupted after iteration {runner.iter + 1}; saved {path}; --resume continues there')
        barrier()  # a launcher ends all processes when the first has left, and one of them may still be saving
        raise SystemExit(128 + received)

    def _receive(self, number, frame):
        if os.getpid() != self.owner:
            # A data loader's worker has inherited this. It stays while training finishes its iteration, for a worker
            # that dies breaks it, and not for ever: at the end of a failed run Python sends SIGTERM and waits.
            signal.alarm(_GRACE)
            return
        self.received = number
        signal.signal(number, signal.SIG_DFL)

    def _anywhere(self) -> int:
        if get_world_size() == 1:
            return self.received
        received = torch.tensor(self.received)
        all_reduce(received, op='max')
        return int(received)
