"""The names of everything that mmpe builds from a config: one registry a kind, scope ``mmpe``.

Each registry is a child of MMEngine's root of its kind and a sibling of mmagic's, so ``type='mmpe.X'`` works in any
OpenMMLab config. A registry imports its ``locations`` at the first look-up and not before; released names of the
paper's code are registered by :mod:`mmpe.compat`.
"""

from mmengine import registry as root
from mmengine.registry import Registry

__all__ = [
    'DATASETS', 'HOOKS', 'LOG_PROCESSORS', 'LOOPS', 'METRICS', 'MODELS', 'MODEL_WRAPPERS',
    'OPTIM_WRAPPER_CONSTRUCTORS', 'VISUALIZERS'
]


def _child(name: str, parent: Registry, *locations: str) -> Registry:
    return Registry(name, parent=parent, scope='mmpe', locations=list(locations))


MODELS = _child('model', root.MODELS, 'mmpe.models', 'mmpe.compat')
DATASETS = _child('dataset', root.DATASETS, 'mmpe.datasets', 'mmpe.compat')
LOOPS = _child('loop', root.LOOPS, 'mmpe.engine')
HOOKS = _child('hook', root.HOOKS, 'mmpe.engine')
LOG_PROCESSORS = _child('log_processor', root.LOG_PROCESSORS, 'mmpe.engine')
MODEL_WRAPPERS = _child('model_wrapper', root.MODEL_WRAPPERS, 'mmpe.engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child('optim_wrapper_constructor', root.OPTIM_WRAPPER_CONSTRUCTORS, 'mmpe.engine',
                                    'mmpe.compat')
METRICS = _child('metric', root.METRICS, 'mmpe.evaluation')
VISUALIZERS = _child('visualizer', root.VISUALIZERS, 'mmpe.visualization')
