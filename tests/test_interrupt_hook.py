"""What the processes do that inherit the signal handlers of training."""

import multiprocessing
import os
import signal
import time

import pytest
from mmengine.runner import Runner
from singan_runs import tiny_config

from mmpe.apis import train
from mmpe.engine.hooks import InterruptHook, interrupt_hook
from mmpe.models.singan import SinGANModel


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


def test_a_run_that_fails_gives_the_signals_back(tmp_path, monkeypatch):
    config = tiny_config(tmp_path)
    config.launcher = 'none'
    before = signal.getsignal(signal.SIGINT)
    taken = []

    def fail(self, *args, **kwargs):
        taken.append(signal.getsignal(signal.SIGINT))
        raise RuntimeError('the step failed')

    monkeypatch.setattr(SinGANModel, 'train_step', fail)
    with pytest.raises(RuntimeError, match='the step failed'):
        train(config)
    assert taken[0] != before and signal.getsignal(signal.SIGINT) is before
