"""What the processes do that inherit the signal handlers of training."""

import multiprocessing
import os
import signal
import time

import pytest
from mmengine.runner import Runner

from mmpe.engine.hooks import InterruptHook, interrupt_hook


def wait_for_a_signal(ready):
    ready.set()
    for _ in range(100):
        time.sleep(0.1)


@pytest.mark.skipif('fork' not in multiprocessing.get_all_start_methods(), reason='handlers are inherited by forking')
def test_a_worker_outlives_sigterm_only_for_a_while(monkeypatch):
    monkeypatch.setattr(interrupt_hook, '_GRACE', 1)
    hook = InterruptHook()
    hook.before_train(Runner)
    try:
        context = multiprocessing.get_context('fork')
        ready = context.Event()
        worker = context.Process(target=wait_for_a_signal, args=(ready,))
        worker.start()
        ready.wait(10)
        os.kill(worker.pid, signal.SIGTERM)
        worker.join(0.4)
        assert worker.is_alive()
        worker.join(5)
        assert worker.exitcode == -signal.SIGALRM
        assert not hook.received
    finally:
        hook.after_train(Runner)
