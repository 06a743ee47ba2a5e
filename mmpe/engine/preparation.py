"""The checks that both training loops make before anything is built."""

from __future__ import annotations

from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmpe.numbers import check_finite, check_whole

from .allocator import keep_freed_memory
from .compilation import compilation_options
from .cuda_graphs import graphs_wanted
from .hooks import CompileHook, CudaGraphsHook, guard
from .log_processor import check_log_processor
from .schedules import check_schedules
from .supported import check_runner

_MOST_WORKERS = 1024


def _check_workers(dataloader: DataLoader | dict) -> None:
    """Refuse a data loader that would start more processes than a machine has room for.

    Raises:
        InputError: If its ``num_workers`` is not a whole number from 0 to 1024.
    """
    number = dataloader.get('num_workers', 0) if isinstance(dataloader, dict) else dataloader.num_workers
    check_whole(0, _MOST_WORKERS, num_workers=number)


def prepare(runner: Runner, dataloader: DataLoader | dict) -> None:
    """Check a runner and its config, and prepare the process for training.

    Raises:
        InputError: If the config asks for a feature that is not supported, or a number in it is not valid.
    """
    check_runner(runner)
    check_finite(runner.cfg._cfg_dict)
    check_schedules(runner.param_schedulers)
    check_log_processor(runner.log_processor)
    _check_workers(dataloader)
    keep_freed_memory()
    guard(runner)
    if compilation_options(runner.cfg.get('compile')) is not None:
        runner.register_hook(CompileHook())
    if graphs_wanted(runner.cfg.get('cuda_graphs')):
        runner.register_hook(CudaGraphsHook())
