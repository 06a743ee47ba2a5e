"""From a config to a training run."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.config import Config
from mmengine.dist import barrier
from mmengine.runner import Runner

from mmpe.checkpoints import latest_checkpoint, local_checkpoint, read_checkpoint
from mmpe.engine.hooks import InterruptHook, guard
from mmpe.engine.resuming import check_parts
from mmpe.engine.supported import refuse_unsupported
from mmpe.errors import as_input_error, naming
from mmpe.model_config import check_model_config

from .beginnings import blaming_config
from .checks import check_writable
from .processes import join_processes


def train(config: Config) -> Runner:
    """Train what a config says; ``config.resume`` and ``config.load_from`` as in MMEngine.

    Returns:
        Runner: After training, with the trained ``model``.

    Raises:
        InputError: If something that the config names cannot be used: nothing has been trained or overwritten then.
    """
    refuse_unsupported(config)
    check_writable(config.work_dir)
    join_processes(config)
    _check_checkpoint(config)
    with as_input_error('the config cannot be built'):
        runner = Runner.from_cfg(config)
        runner._train_loop = runner.build_train_loop(runner._train_loop)
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    guard(runner)
    with _signals_given_back(), blaming_config(runner):
        runner.train()
    barrier()  # the first process draws pictures at the end; those that leave before it would break its connections
    return runner


@contextmanager
def _signals_given_back() -> Iterator[None]:
    """A hook that takes signals over in training gives them back at its end, but not where an error ends it."""
    numbers = InterruptHook.signals if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _check_checkpoint(config: Config) -> None:
    """Read what will be loaded before anything else, so that a bad file costs nothing."""
    if config.get('resume') and config.get('load_from') is None:
        config.load_from = latest_checkpoint(config.work_dir)
    if config.get('load_from') is None:
        return
    config.load_from = local_checkpoint(config.load_from)
    checkpoint = read_checkpoint(config.load_from)
    with naming(config.load_from):
        check_model_config(checkpoint['meta'].get('model'), config.get('model'))
        if config.get('resume'):
            check_parts(checkpoint)
