"""Lines of the log by iterations and by time, counted from outside."""

import json
from types import SimpleNamespace

import pytest
from singan_runs import tiny_config

from mmpe.apis import train
from mmpe.engine.hooks import timed_logger_hook
from mmpe.errors import InputError
from mmpe.registry import HOOKS


class Clock:
    """Shows the seconds that it is set to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    'settings, due',
    [
        (dict(interval=100, seconds=3), [4, 7]),
        (dict(interval=100, seconds=1), [2, 3, 4, 5, 6, 7, 8]),
        (dict(interval=4, seconds=2), [3, 4, 6, 8]),
        (dict(interval=4, seconds=100), [4, 8]),
    ],
)
def test_a_line_is_due_by_iterations_and_by_time(settings, due, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timed_logger_hook, 'perf_counter', clock)
    hook = HOOKS.build(dict(type='TimedLoggerHook', **settings))
    clock.now = 50.0  # what is prepared before the run does not count
    hook.before_run(SimpleNamespace(timestamp='now'))
    found = []
    for iteration in range(1, 9):
        if hook.every_n_inner_iters(iteration - 1, hook.interval):
            found.append(iteration)
        clock.now += 1
    assert found == due


def test_slow_iterations_are_logged(tmp_path):
    """The first iteration of a SinGAN always is."""
    config = tiny_config(tmp_path, iters_per_scale=1)
    config.default_hooks.logger.update(interval=100, seconds=1e-6)
    train(config)
    (path,) = tmp_path.glob('*/vis_data/2*.json')
    steps = [json.loads(line)['step'] for line in path.read_text().splitlines()]
    assert steps == list(range(1, len(steps) + 1)) and len(steps) > 1


def test_it_is_the_logger_of_the_configs(tmp_path):
    assert tiny_config(tmp_path).default_hooks.logger.type == 'TimedLoggerHook'


@pytest.mark.parametrize('seconds', [0, -1, float('nan'), float('inf'), '60'])
def test_times_that_cannot_be(seconds):
    with pytest.raises(InputError, match='seconds=.* cannot work'):
        HOOKS.build(dict(type='TimedLoggerHook', seconds=seconds))
