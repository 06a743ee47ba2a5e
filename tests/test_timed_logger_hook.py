"""Lines of the log by iterations and by time, counted from outside."""

import json

import pytest
from singan_runs import tiny_config

from mmpe.apis import train
from mmpe.engine.hooks import timed_logger_hook
from mmpe.errors import InputError
from mmpe.registry import HOOKS


class Clock:
    """Seconds that pass from one look at it to the next."""

    def __init__(self, step: float):
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def logged(folder, **settings) -> list[int]:
    """Which of the first eight iterations have a line."""
    config = tiny_config(folder, iters_per_scale=8)
    config.default_hooks.logger.update(settings)
    train(config)
    (path,) = folder.glob('*/vis_data/2*.json')
    steps = [json.loads(line)['step'] for line in path.read_text().splitlines()]
    return [step for step in steps if step <= 8]


@pytest.mark.parametrize(
    'settings, steps',
    [
        (dict(interval=100, seconds=3), [1, 3, 6]),
        (dict(interval=100, seconds=1), [1, 2, 3, 4, 5, 6, 7, 8]),
        (dict(interval=4, seconds=3), [1, 3, 4, 7, 8]),
        (dict(interval=4, seconds=100), [1, 4, 8]),
    ],
)
def test_a_line_is_due_by_iterations_and_by_time(settings, steps, tmp_path, monkeypatch):
    monkeypatch.setattr(timed_logger_hook, 'perf_counter', Clock(1))  # an iteration takes a second
    assert logged(tmp_path, **settings) == steps


def test_it_is_the_logger_of_the_configs(tmp_path):
    assert tiny_config(tmp_path).default_hooks.logger.type == 'TimedLoggerHook'


@pytest.mark.parametrize('seconds', [0, -1, float('nan'), float('inf'), '60'])
def test_times_that_cannot_be(seconds):
    with pytest.raises(InputError, match='seconds=.* cannot work'):
        HOOKS.build(dict(type='TimedLoggerHook', seconds=seconds))
