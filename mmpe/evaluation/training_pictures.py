"""A config names its pictures once: metrics that compare with real ones take those that the model is trained on."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from mmengine.config import Config

from mmpe.errors import InputError
from mmpe.registry import METRICS

from .sized_metrics import RealSetMetric

_EVALUATORS = ('val_evaluator', 'test_evaluator')


def compare_with_training_pictures(config: Config) -> None:
    """Let metrics that say not with which real pictures they compare take the training set's, not mirrored.

    Args:
        config: Of a run; its evaluators are changed in place. Without a ``train_dataloader`` they stay.

    Raises:
        InputError: If a metric is a text: MMEngine would take it for one that is built already.
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
    """Of both evaluators, each of which is a metric, a list of them, or a dict with such a list."""
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
            if isinstance(metric, dict):  # others are built already
                yield metric


def _compares_with_real(metric: str | type | None) -> bool:
    cls = METRICS.get(metric) if isinstance(metric, str) else metric
    return isinstance(cls, type) and issubclass(cls, RealSetMetric)
