"""The progress of training in another process, from the scalars that MMEngine writes to its work dir."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
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


def read_progress(file: Path, max_iters: int | None = None) -> tuple[str, float]:
    """The progress of a training.

    Args:
        file: One of :func:`scalar_files`. It may be missing, and its last line may be half-written.
        max_iters: How many iterations the training takes, where the scalars do not tell. None: not known.

    Returns:
        The progress in words, which are empty before the first iteration is logged, and the share of this run's work
        that is done, in [0, 1].

    >>> read_progress(Path('not_there_yet.json'))
    ('', 0.0)
    """
    first, last = read_scalars(file)
    if last is None:
        return '', 0.0
    step, steps = last['iter'], last.get('max_iters', max_iters)
    if steps is None:
        return str(step), 0.0
    begun = first['iter'] if first else 0
    share = min(max((step - begun) / max(steps - begun, 1), 0.0), 1.0)
    if 'num_scales' not in last:
        return f'{step}/{steps}', share
    per_scale = steps // last['num_scales']
    scale, step = divmod(step - 1, per_scale)
    return f'scale {scale + 1}/{last["num_scales"]} {step + 1}/{per_scale}', share


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
