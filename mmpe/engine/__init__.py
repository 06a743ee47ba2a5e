"""What turns a model and data into a training run: loops, hooks, optimizers. A new module is found by itself."""

from mmpe.discovery import import_modules

from . import hooks
from .log_processor import PyramidLogProcessor
from .optim import BFloat16OptimWrapper, Float16OptimWrapper, PerNetworkOptimWrapperConstructor
from .pyramid_loop import PyramidTrainLoop
from .resumable_loop import ResumableTrainLoop
from .scoring_loops import ScoringTestLoop, ScoringValLoop
from .wrapper import SynchronisedModel

__all__ = [
    'BFloat16OptimWrapper',
    'Float16OptimWrapper',
    'PerNetworkOptimWrapperConstructor',
    'PyramidLogProcessor',
    'PyramidTrainLoop',
    'ResumableTrainLoop',
    'ScoringTestLoop',
    'ScoringValLoop',
    'SynchronisedModel',
    'hooks',
]

import_modules(__name__)
