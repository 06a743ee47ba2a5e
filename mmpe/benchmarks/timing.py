"""Measure seconds on a device, and write tables of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger

from mmpe.engine.allocator import keep_freed_memory
from mmpe.errors import InputError
from mmpe.visualization import markdown_table

ROUNDS = 3
COMPARED = ('ms', 'ms compiled', 'times as fast')


def prepare_process() -> None:
    """Give all timings the same start: few log lines, the same random numbers, and freed memory is kept."""
    MMLogger.get_current_instance().setLevel('WARNING')
    torch.manual_seed(0)
    keep_freed_memory()


def check_trains(config: Config) -> None:
    """Refuse a config without the parts that training needs."""
    if not {'model', 'train_dataloader', 'optim_wrapper'} <= set(config):
        raise InputError(
            'the config does not say what is trained: it needs a model, a train_dataloader and an optim_wrapper'
        )


def now(device: torch.device) -> float:
    """The time in seconds, after the device has finished its work.

    >>> start = now(torch.device('cpu'))
    >>> now(torch.device('cpu')) >= start
    True
    """
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
    return time.perf_counter()


def time_work(work: Callable[[], object], device: torch.device, iterations: int) -> float:
    """Mean seconds per call, after one call that does not count."""
    work()
    start = now(device)
    for _ in range(iterations):
        work()
    return (now(device) - start) / iterations


def time_in_turn(works: Sequence[Callable[[], object]], device: torch.device, iterations: int) -> list[float]:
    """Seconds per call of each work. They take turns, so that a busy machine slows all of them down.

    Args:
        works: What is timed.
        device: Where they work.
        iterations: Calls in a round.

    Returns:
        The median of three rounds, for each work.

    >>> len(time_in_turn([lambda: 1 + 1, lambda: 2 + 2], torch.device('cpu'), iterations=10))
    2
    """
    rounds = [[time_work(work, device, iterations) for work in works] for _ in range(ROUNDS)]
    return [median(times) for times in zip(*rounds)]


def compared(plain: float, compiled: float) -> list[str]:
    """Cells of a table: seconds without and with compilation, in milliseconds, and how many times as fast it is.

    >>> compared(0.3, 0.1)
    ['300.0', '100.0', '3.00']
    """
    return [f'{plain * 1e3:.1f}', f'{compiled * 1e3:.1f}', f'{plain / compiled:.2f}']


def timing_table(
    what: str, device: torch.device, dtype: str, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> str:
    """A line that says what was timed on which device, and a Markdown table below it."""
    by = torch.cuda.get_device_name(device) if device.type == 'cuda' else f'{torch.get_num_threads()} threads'
    title = f'{what}, {device}, {dtype}, PyTorch {torch.__version__}, {by}'
    return '\n'.join([title, *markdown_table([header, *rows])])
