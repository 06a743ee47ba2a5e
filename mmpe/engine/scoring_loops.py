"""MMEngine's loops of validation and test, for models whose images are compared with those that they learn from."""

from __future__ import annotations

from mmengine.config import Config
from mmengine.runner import TestLoop, ValLoop

from mmpe.evaluation.training_pictures import compare_with_training_pictures
from mmpe.registry import LOOPS


@LOOPS.register_module()
class ScoringValLoop(ValLoop):
    """MMEngine's; metrics that say not with which real pictures they compare take the training set's.

    Args:
        runner: MMEngine's.
        dataloader: Asks for images, see :class:`~mmpe.datasets.SampleNumbers`.
        evaluator: Of the metrics.
        **settings: Of MMEngine's loop.
    """

    def __init__(self, runner, dataloader, evaluator, **settings):
        super().__init__(runner, dataloader, _comparing(runner, evaluator), **settings)


@LOOPS.register_module()
class ScoringTestLoop(TestLoop):
    """As :class:`ScoringValLoop`, in tests."""

    def __init__(self, runner, dataloader, evaluator, **settings):
        super().__init__(runner, dataloader, _comparing(runner, evaluator), **settings)


def _comparing(runner, evaluator):
    config = Config(dict(train_dataloader=runner.cfg.get('train_dataloader'), test_evaluator=evaluator))
    compare_with_training_pictures(config)
    return config.test_evaluator
