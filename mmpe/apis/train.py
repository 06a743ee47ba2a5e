"""Training by a config."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import barrier, is_main_process
from mmengine.runner import Runner

from mmpe.checkpoints import latest_checkpoint, local_checkpoint, read_checkpoint
from mmpe.engine.compilation import as_compilation_error
from mmpe.engine.earlier_runs import is_of_a_run
from mmpe.engine.hooks import InterruptHook, guard
from mmpe.engine.hooks.work_dir_hook import tidy
from mmpe.engine.log_processor import check_log_level
from mmpe.engine.resuming import check_parts
from mmpe.engine.run_lock import locked
from mmpe.engine.supported import refuse_unsupported
from mmpe.errors import InputError, as_input_error, naming
from mmpe.files import check_writable
from mmpe.model_config import check_model_config

from .config_errors import as_config_error
from .processes import join_processes, losses_in_a_line, said_once
from .results import input_paths


def train(config: Config) -> Runner:
    """Train the model of a config. ``config.resume`` and ``config.load_from`` work as in MMEngine.

    Args:
        config: A config with a ``work_dir``: see :func:`load_config`.

    Returns:
        MMEngine's runner after training. Its ``model`` is trained.

    Raises:
        InputError: If something that the config names cannot be used, or another run trains in its work dir. Nothing
            has been trained or overwritten then.

    >>> from mmpe.apis import load_config
    >>> options = {'model.iters_per_scale': 1, 'train_dataloader.dataset.max_size': 38, 'log_level': 'ERROR'}
    >>> config = load_config('mmpe::singan/singan_quickstart.py', {**options, 'work_dir': 'work_dirs/rocket'})
    >>> train(config).model.sample(1).shape
    torch.Size([1, 3, 25, 38])
    """
    with said_once(config.get('launcher')):
        return _train(config)


def _train(config: Config) -> Runner:
    refuse_unsupported(config)
    check_log_level(config.get('log_level', 'INFO'))
    check_writable(config.work_dir)
    _check_config_file(config)
    _check_inputs(config)
    join_processes(config)
    _check_checkpoint(config)
    with locked(config.work_dir):
        if is_main_process():
            tidy(config.work_dir)
        barrier()
        _find_checkpoint(config)
        with as_input_error('the config cannot be built'):
            runner = Runner.from_cfg(config)
            runner._train_loop = runner.build_train_loop(runner._train_loop)
            runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        guard(runner)
        compiling = as_compilation_error(config.get('compile'))
        with _signals_given_back(), compiling, as_config_error(runner), losses_in_a_line():
            runner.train()
            barrier()  # the first process draws pictures at the end: who leaves before it breaks its connections
    return runner


@contextmanager
def _signals_given_back() -> Iterator[None]:
    """Within, restore the handlers of signals after an error. At the end of training, the hook itself restores them."""
    numbers = InterruptHook.signals if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    except SystemExit:
        raise  # the hook's own, which has left them as the end of the process needs them
    except BaseException:
        for number, handler in before.items():
            signal.signal(number, handler)
        raise


def _check_config_file(config: Config) -> None:
    """Refuse a config file that MMEngine would overwrite with its own copy, unless the file is such a copy."""
    if not config.filename:
        return
    file = Path(config.filename)
    dump = Path(config.work_dir) / file.name
    if dump.exists() and dump.samefile(file) and Config.fromfile(file).pretty_text != file.read_text(encoding='utf-8'):
        raise InputError(
            f'{file} is in the work dir, where training would write its own {file.name} over it: give another work dir'
        )


def _check_inputs(config: Config) -> None:
    """Refuse data in the work dir that has the name of a file which training writes or moves."""
    others = {name: value for name, value in config.to_dict().items() if name not in ('work_dir', 'load_from')}
    work_dir = Path(os.path.realpath(config.work_dir))
    for path in input_paths(others):
        target = Path(os.path.realpath(path))
        if work_dir in target.parents and is_of_a_run(target.relative_to(work_dir).parts[0]):
            raise InputError(
                f'{path} is in the work dir {config.work_dir}, and training writes there: give another work dir'
            )


def _find_checkpoint(config: Config) -> None:
    """Find the checkpoint to resume, if the config does not name it. Nobody else may write to the work dir now."""
    if config.get('resume') and config.get('load_from') is None:
        config.load_from = latest_checkpoint(config.work_dir)
        _check_checkpoint(config)


def _check_checkpoint(config: Config) -> None:
    """Read the checkpoint that will be loaded before anything else is done, so that a bad file costs no time."""
    if config.get('load_from') is None:
        return
    config.load_from = local_checkpoint(config.load_from)
    checkpoint = read_checkpoint(config.load_from)
    with naming(config.load_from):
        check_model_config(checkpoint['meta'].get('model'), config.get('model'))
        if config.get('resume'):
            check_parts(checkpoint)
