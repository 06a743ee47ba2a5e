"""Measure seconds on a device, and write tables of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger

from mmpe.engine.allocator import keep_freed_memory
from mmpe.errors import InputError
from mmpe.visualization import markdown_table


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


def timing_table(
    what: str, device: torch.device, dtype: str, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> str:
    """A line that says what was timed on which device, and a Markdown table below it."""
    by = torch.cuda.get_device_name(device) if device.type == 'cuda' else f'{torch.get_num_threads()} threads'
    title = f'{what}, {device}, {dtype}, PyTorch {torch.__version__}, {by}'
    return '\n'.join([title, *markdown_table([header, *rows])])
