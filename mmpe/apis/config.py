"""Reading configs, and telling a config's mistakes from the program's."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

from mmengine.config import Config

from mmpe.errors import InputError, as_input_error
from mmpe.numbers import check_finite
from mmpe.registry import METRICS


def load_config(path: str | Path, options: dict | None = None) -> Config:
    """Read a config file and merge ``options`` (dotted keys) into it.

    Metrics that compare with real pictures, and say not with which, get those of ``train_dataloader``, not mirrored: a
    config names its pictures once.

    Raises:
        InputError: If there is no such file, it cannot be read, an option does not fit it, or a number is not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'there is no config at {path}')
    with as_input_error(f'{path} cannot be read as a config'):
        config = Config.fromfile(path)
    with as_input_error('--cfg-options'):
        config.merge_from_dict(options or {})
    with as_input_error(f'{path} cannot be read as a config'):  # what a config imports is imported when it is read
        check_finite(config._cfg_dict)
    with as_input_error('the evaluators'):
        _name_real_pictures(config)
    return config


def _name_real_pictures(config: Config) -> None:
    pictures = (config.get('train_dataloader') or {}).get('dataset')
    if pictures is None:
        return
    for metric in _metrics(config):
        if metric.get('real') is None and _compares_with_real(metric.get('type')):
            metric['real'] = deepcopy(pictures)
            if 'flip' in pictures:
                metric['real']['flip'] = False


def _metrics(config: Config) -> Iterator[dict]:
    """Of both evaluators, each of which is a metric, a list of them, or a dict with such a list."""
    for name in ('val_evaluator', 'test_evaluator'):
        evaluator = config.get(name) or []
        metrics = evaluator.get('metrics', evaluator) if isinstance(evaluator, dict) else evaluator
        yield from [metrics] if isinstance(metrics, dict) else metrics


def _compares_with_real(metric: str | type | None) -> bool:
    cls = METRICS.get(metric) if isinstance(metric, str) else metric
    return cls is not None and any('real' in inspect.signature(c).parameters for c in cls.__mro__[:-1])
