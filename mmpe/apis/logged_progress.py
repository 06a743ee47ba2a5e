"""The progress of training in another process, from the scalars that MMEngine writes to its work dir."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

_WRITER = 'LocalVisBackend'
_TAIL = 2**16  # bytes, many lines


def scalar_files(work_dir: str | Path) -> set[Path]:
    """The files of scalars in a work dir, one per run.

    >>> scalar_files('.')
    set()
    """
    return set(Path(work_dir).glob('*/vis_data/scalars.json'))


def with_scalars(config: Config) -> Config:
    """A copy of a config whose run writes a file of scalars, wherever else it logs to.

    >>> from mmpe.apis import load_config
    >>> with_scalars(load_config('mmpe::singan/singan_fish.py')).visualizer.vis_backends
    [{'type': 'LocalVisBackend'}]
    """
    config = Config(config._cfg_dict.to_dict(), filename=config.filename)
    visualizer = config.get('visualizer')
    if not isinstance(visualizer, dict):  # MMEngine's own has one
        return config
    backends = visualizer.get('vis_backends') or []
    backends = [backends] if isinstance(backends, dict) else list(backends)
    if not any(_WRITER in str(backend) for backend in backends):
        visualizer.vis_backends = [*backends, dict(type=_WRITER)]
    return config


@dataclass(frozen=True)
class LoggedProgress:
    """How far a training is.

    Attributes:
        stage: Which part of it runs, such as 'scale 2/5'; empty where it has no parts.
        done: Iterations of that part; 0 before the first one is logged.
        total: All iterations of that part; None where the number is not known.
        share: What part of the run's own work is done, in [0, 1].
    """

    stage: str = ''
    done: int = 0
    total: int | None = None
    share: float = 0.0


def read_progress(file: Path, max_iters: int | None = None) -> LoggedProgress:
    """The progress of a training.

    Args:
        file: One of :func:`scalar_files`. It may be missing, and its last line may be half-written.
        max_iters: How many iterations the training takes, where the scalars do not tell. None: not known.

    >>> read_progress(Path('not_there_yet.json')).share
    0.0
    """
    first, last = read_scalars(file)
    if last is None:
        return LoggedProgress()
    step, steps = last['iter'], last.get('max_iters', max_iters)
    if steps is None:
        return LoggedProgress(done=step)
    begun = first['iter'] if first else 0
    share = min(max((step - begun) / max(steps - begun, 1), 0.0), 1.0)
    if 'num_scales' not in last:
        return LoggedProgress('', step, steps, share)
    if 'scale_step' in last:
        scale, step, iterations = last['scale'], last['scale_step'], last['scale_iters']
    else:  # a log of an earlier mmpe, whose scales all have the same number of iterations
        iterations = steps // last['num_scales']
        scale, step = (step - 1) // iterations + 1, (step - 1) % iterations + 1
    return LoggedProgress(f'scale {scale}/{last["num_scales"]}', step, iterations, share)


def read_scalars(file: Path) -> tuple[dict | None, dict | None]:
    """The scalars of the first and of the last logged iteration; None, if there is none.

    Args:
        file: See :func:`read_progress`.

    >>> read_scalars(Path('not_there_yet.json'))
    (None, None)
    """
    try:
        with open(file, 'rb') as stream:
            first = next(_logged([stream.readline()]), None)
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL))
            return first, next(_logged(reversed(stream.readlines())), first)
    except OSError:
        return None, None


def _logged(lines: Iterable[bytes]) -> Iterator[dict]:
    """The scalars of training iterations. Lines of validations, and a half-written line, are skipped."""
    for line in lines:
        try:
            scalars = json.loads(line)
        except ValueError:
            continue
        if isinstance(scalars, dict) and 'iter' in scalars:
            yield scalars
