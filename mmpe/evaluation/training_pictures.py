"""Let metrics compare with the training pictures, so that a config names its pictures only once."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from mmengine.config import Config

from mmpe.errors import InputError
from mmpe.registry import METRICS

from .sized_metrics import RealSetMetric

_EVALUATORS = ('val_evaluator', 'test_evaluator')


def compare_with_training_pictures(config: Config) -> None:
    """Let metrics without ``real`` compare with the pictures of the training set, without mirror images.

    Args:
        config: The config of a run. Its evaluators are changed in place, if there is a ``train_dataloader``.

    Raises:
        InputError: If a metric is a string, which MMEngine would take for a metric that is already built.
    """
    metrics = list(_metrics(config))
    pictures = (config.get('train_dataloader') or {}).get('dataset')
    if pictures is None:
        return
    for metric in metrics:
        if metric.get('real') is None and _compares_with_real(metric.get('type')):
            metric['real'] = deepcopy(pictures)
            if 'flip' in pictures:
                metric['real']['flip'] = False


def _metrics(config: Config) -> Iterator[dict]:
    """The metrics of both evaluators. An evaluator is a metric, a list of metrics, or a dict with such a list."""
    for name in _EVALUATORS:
        evaluator = config.get(name)
        metrics = evaluator.get('metrics', evaluator) if isinstance(evaluator, dict) else evaluator
        metrics = metrics if isinstance(metrics, (list, tuple)) else [metrics]
        for metric in metrics:
            if isinstance(metric, str):
                raise InputError(
                    f'{name}: {metric!r} is not a metric. Give a config of one, such as '
                    f'--cfg-options "{name}=[dict(type=\'{metric}\')]"'
                )
            if isinstance(metric, dict):  # else it is already built
                yield metric


def _compares_with_real(metric: str | type | None) -> bool:
    cls = METRICS.get(metric) if isinstance(metric, str) else metric
    return isinstance(cls, type) and issubclass(cls, RealSetMetric)
