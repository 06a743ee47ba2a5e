"""From a config to a training run."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import barrier
from mmengine.runner import Runner

from mmpe.engine.hooks import InterruptHook
from mmpe.engine.supported import refuse_unsupported
from mmpe.errors import InputError

from .checkpoint import read_checkpoint
from .checks import check_writable
from .config import one_clear_line
from .processes import join_processes, losses_in_a_line, said_once


def train(config: Config) -> Runner:
    """Train what a config says; ``config.resume`` and ``config.load_from`` as in MMEngine.

    Returns:
        Runner: After training, with the trained ``model``.

    Raises:
        InputError: If something that the config names cannot be used: nothing has been trained or overwritten then.
    """
    with said_once(config.get('launcher')):
        return _train(config)


def _train(config: Config) -> Runner:
    refuse_unsupported(config)
    check_writable(config.work_dir)
    join_processes(config)
    _check_checkpoint(config)
    with one_clear_line('the config cannot be built'):
        runner = Runner.from_cfg(config)
        runner._train_loop = runner.build_train_loop(runner._train_loop)
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    with losses_in_a_line():
        with _signals_given_back():
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
    except SystemExit:
        raise  # the hook's own, which has left them as the end of the process needs them
    except BaseException:
        for number, handler in before.items():
            signal.signal(number, handler)
        raise


def _check_checkpoint(config: Config) -> None:
    """Read what will be resumed before anything else, so that a bad file costs nothing."""
    if config.get('resume') and config.get('load_from') is None:
        config.load_from = latest_checkpoint(config.work_dir)
    path = config.get('load_from')
    if path and '://' not in path:
        checkpoint = read_checkpoint(path)
        missing = {'optimizer', 'message_hub', 'meta'} - set(checkpoint) if config.get('resume') else set()
        if missing:
            raise InputError(f'{path} cannot be resumed: it has no {", ".join(sorted(missing))}')


def latest_checkpoint(work_dir: str | Path) -> str | None:
    """The checkpoint of the highest iteration in a work dir, if any.

    The files themselves are asked, which are whole or not there; MMEngine's ``last_checkpoint`` beside them may have
    been cut short by what ended the run.
    """
    found = {int(path.stem[5:]): path for path in Path(work_dir).glob('iter_*.pth') if path.stem[5:].isdigit()}
    return str(found[max(found)]) if found else None
