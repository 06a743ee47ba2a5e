"""What the processes do that inherit the signal handlers of training."""

import multiprocessing
import os
import signal
import time

import pytest
import torch
from mmengine.runner import Runner
from singan_runs import assert_same, tiny_config

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


def signal_after(monkeypatch, method, number, times=1):
    """Let a model's method end with signals to this process."""
    plain = getattr(SinGANModel, method)

    def signalled(self, *args, **kwargs):
        result = plain(self, *args, **kwargs)
        if len(calls) == 1:
            for _ in range(times):
                signal.raise_signal(number)
        calls.append(method)
        return result

    calls = []
    monkeypatch.setattr(SinGANModel, method, signalled)


def config_of(folder, **options):
    config = tiny_config(folder, **options)
    config.launcher = 'none'
    config.experiment_name = folder.name
    return config


@pytest.mark.parametrize('times', [1, 2])
@pytest.mark.parametrize('name', ['SIGTERM', 'SIGUSR1', 'SIGUSR2'])
def test_schedulers_signals_save_and_end_with_their_code(tmp_path, monkeypatch, name, times):
    """Also where one comes twice at once: to a group of processes, and from the launcher that is one of them."""
    number = getattr(signal, name)
    signal_after(monkeypatch, 'train_step', number, times)
    with pytest.raises(SystemExit) as end:
        train(config_of(tmp_path / 'run', default_hooks__checkpoint__interval=1000))
    assert end.value.code == 128 + number
    assert [path.name for path in (tmp_path / 'run').glob('*.pth')] == ['iter_2.pth']


def test_a_signal_in_a_validation_saves_without_waiting_for_its_end(tmp_path, monkeypatch):
    sizes = dict(train_dataloader__dataset__min_size=24, train_dataloader__dataset__max_size=36)
    validation = dict(train_cfg__val_interval=2, val_dataloader__dataset__num=8)
    options = dict(default_hooks__checkpoint__interval=1000) | sizes
    with monkeypatch.context() as patch:
        signal_after(patch, 'val_step', signal.SIGUSR1)
        with pytest.raises(SystemExit) as end:
            train(config_of(tmp_path / 'run', **options, **validation))
    assert end.value.code == 128 + signal.SIGUSR1
    assert [path.name for path in (tmp_path / 'run').glob('*.pth')] == ['iter_2.pth']
    train(config_of(tmp_path / 'unbroken', **options))
    train(config_of(tmp_path / 'run', resume=True, **options))
    (last,) = (path.name for path in (tmp_path / 'unbroken').glob('*.pth'))
    run, unbroken = (torch.load(tmp_path / folder / last, weights_only=True) for folder in ('run', 'unbroken'))
    assert run['meta']['iter'] == unbroken['meta']['iter']
    assert_same(run['state_dict'], unbroken['state_dict'])


@pytest.mark.skipif('fork' not in multiprocessing.get_all_start_methods(), reason='the process is forked')
def test_a_second_signal_ends_the_process():
    def signal_twice():
        hook = InterruptHook()
        hook.before_train(Runner)
        signal.raise_signal(signal.SIGUSR1)
        hook.received_at -= 3
        signal.raise_signal(signal.SIGTERM)

    process = multiprocessing.get_context('fork').Process(target=signal_twice)
    process.start()
    process.join(10)
    assert process.exitcode == -signal.SIGTERM
