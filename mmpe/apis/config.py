"""Reading configs, and telling a config's mistakes from the program's."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path, PurePath

from mmengine.config import Config

from mmpe.errors import InputError
from mmpe.registry import METRICS

from .pictures_of_configs import name_pictures


@contextmanager
def one_clear_line(what: str):
    """Turn the errors that a wrong config causes while things are built from it into one :class:`InputError`."""
    try:
        yield
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, AssertionError, ImportError) as error:
        reason = error.args[0] if isinstance(error, KeyError) and error.args else error
        raise InputError(f'{what}: {" ".join(str(reason).split())}') from error


def load_config(
    path: str | Path, options: dict | None = None, picture: str | None = None, pictures: str | None = None
) -> Config:
    """Read a config file, merge ``options`` (dotted keys) into it, and name the picture or pictures to train on.

    Metrics that compare with real pictures, and say not with which, get those of ``train_dataloader``, not mirrored: a
    config names its pictures once.

    Raises:
        InputError: If there is no such file, it cannot be read, an option does not fit it, or it trains on one picture
            where ``pictures`` are given, or the other way round.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'there is no config at {path}')
    try:
        config = Config.fromfile(path)
    except Exception as error:  # a config is a program, and can fail in any way
        raise InputError(f'{path} cannot be read as a config: {" ".join(str(error).split())}') from error
    with one_clear_line('--cfg-options'):
        config.merge_from_dict(options or {})
    _paths_as_text(config._cfg_dict)
    name_pictures(config, picture, pictures)
    with one_clear_line('the evaluators'):
        _name_real_pictures(config)
    return config


def _paths_as_text(node) -> None:
    """Write ``pathlib.Path`` as text, through any nesting: a dumped config could not be read again."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if isinstance(value, PurePath):
            node[key] = str(value)
        elif isinstance(value, (dict, list)):
            _paths_as_text(value)


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
