"""MMEngine's loops of validation and test, for models whose images are compared with those that they learn from."""

from __future__ import annotations

from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner, TestLoop, ValLoop
from torch.utils.data import DataLoader

from mmpe.evaluation.training_pictures import compare_with_training_pictures
from mmpe.registry import LOOPS


@LOOPS.register_module()
class ScoringValLoop(ValLoop):
    """MMEngine's validation loop. Metrics without real pictures of their own compare with the training pictures.

    Args:
        runner: MMEngine's runner.
        dataloader: The data loader or its config, with :class:`~mmpe.datasets.SampleNumbers`.
        evaluator: The metrics, or their configs.
        **settings: More arguments of MMEngine's loop.

    In a config:

    >>> val_cfg = dict(type='mmpe.ScoringValLoop')
    >>> LOOPS.get(val_cfg['type']).__name__
    'ScoringValLoop'
    """

    def __init__(self, runner: Runner, dataloader: DataLoader | dict, evaluator: Evaluator | dict | list, **settings):
        super().__init__(runner, dataloader, _comparing(runner, evaluator), **settings)


@LOOPS.register_module()
class ScoringTestLoop(TestLoop):
    """MMEngine's test loop, with real pictures as in :class:`ScoringValLoop`.

    In a config:

    >>> test_cfg = dict(type='mmpe.ScoringTestLoop')
    >>> LOOPS.get(test_cfg['type']).__name__
    'ScoringTestLoop'
    """

    def __init__(self, runner: Runner, dataloader: DataLoader | dict, evaluator: Evaluator | dict | list, **settings):
        super().__init__(runner, dataloader, _comparing(runner, evaluator), **settings)


def _comparing(runner: Runner, evaluator: Evaluator | dict | list) -> Evaluator | dict | list:
    config = Config(dict(train_dataloader=runner.cfg.get('train_dataloader'), test_evaluator=evaluator))
    compare_with_training_pictures(config)
    return config.test_evaluator
