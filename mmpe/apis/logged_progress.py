"""How far a training in another process is, from the scalars that MMEngine writes into its work dir."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from mmengine.config import Config

_WRITER = 'LocalVisBackend'
_TAIL = 2**16  # bytes, many lines


def scalar_files(work_dir: str | Path) -> set[Path]:
    """The files of scalars of all runs in a work dir, one per run."""
    return set(Path(work_dir).glob('*/vis_data/scalars.json'))


def with_scalars(config: Config) -> Config:
    """A copy of a config whose run writes a file of scalars, whatever else it logs to."""
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
    """Where a training is.

    Args:
        file: One of :func:`scalar_files`; it may be missing, and its last line half-written.
        max_iters: All iterations of the training, where the scalars do not say; None: not known.

    Returns:
        In words, none before the first iteration is logged, and the share done of what this run has
            to do, in [0, 1].
    """
    try:
        with open(file, 'rb') as stream:
            first = next(_logged([stream.readline()]), None)
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL))
            last = next(_logged(reversed(stream.readlines())), first)
    except OSError:
        return '', 0.0
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


def _logged(lines: Iterable[bytes]) -> Iterator[dict]:
    """The scalars of training iterations among lines; other lines are validations, or not whole."""
    for line in lines:
        try:
            scalars = json.loads(line)
        except ValueError:
            continue
        if isinstance(scalars, dict) and 'iter' in scalars:
            yield scalars
