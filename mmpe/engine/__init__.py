"""What turns a model and data into a training run: loops, hooks, optimiser constructors."""

from . import hooks
from .log_processor import PyramidLogProcessor
from .loop import PyramidTrainLoop
from .optim import PerNetworkOptimWrapperConstructor
from .wrapper import SynchronisedModel

__all__ = ['PerNetworkOptimWrapperConstructor', 'PyramidLogProcessor', 'PyramidTrainLoop', 'SynchronisedModel', 'hooks']
