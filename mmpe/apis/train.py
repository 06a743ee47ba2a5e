"""From a config to a training run."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner, find_latest_checkpoint

from mmpe.errors import InputError

from .checkpoint import read_checkpoint
from .config import one_clear_line


def train(config: Config) -> Runner:
    """Train what a config says; ``config.resume`` and ``config.load_from`` as in MMEngine.

    Returns:
        Runner: After training, with the trained ``model``.

    Raises:
        InputError: If something that the config names cannot be used: nothing has been trained or overwritten then.
    """
    _check_work_dir(Path(config.work_dir))
    _check_checkpoint(config)
    with one_clear_line('the config cannot be built'):
        runner = Runner.from_cfg(config)
        runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.train()
    return runner


def _check_work_dir(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / '.writable'
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f'the work dir {path} cannot be written: {error.strerror}') from error


def _check_checkpoint(config: Config) -> None:
    """Read what will be resumed before anything else, so that a bad file costs nothing."""
    path = config.get('load_from')
    if path is None and config.get('resume'):
        path = find_latest_checkpoint(config.work_dir)
    if path and '://' not in path:
        checkpoint = read_checkpoint(path)
        missing = {'optimizer', 'message_hub', 'meta'} - set(checkpoint) if config.get('resume') else set()
        if missing:
            raise InputError(f'{path} cannot be resumed: it has no {", ".join(sorted(missing))}')
