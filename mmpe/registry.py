"""The names of everything that is built from a config: one registry a kind, scope ``mmpe``.

Each registry is a child of MMEngine's root of its kind and a sibling of mmagic's, so ``type='mmpe.X'`` works in any
OpenMMLab config. A registry imports its ``locations`` at the first look-up and not before; released names of the
paper's code are registered by :mod:`mmpe.compat`. Kinds that mmpe adds nothing to are here too: without a child of its
own scope MMEngine warns at every look-up.
"""

from mmengine import registry as root
from mmengine.registry import Registry


def _child(parent: Registry, *locations: str, **options) -> Registry:
    # without a location MMEngine says at the first look-up that mmpe is not installed
    locations = list(locations) or ['mmpe.registry']
    return Registry(parent.name, parent=parent, scope='mmpe', locations=locations, **options)


def _build_model(*args, **kwargs):
    from mmpe.models.building import build_if_it_fits  # what has no models to build need not import them

    return build_if_it_fits(*args, **kwargs)


MODELS = _child(root.MODELS, 'mmpe.models', 'mmpe.compat', build_func=_build_model)
DATASETS = _child(root.DATASETS, 'mmpe.datasets', 'mmpe.compat')
DATA_SAMPLERS = _child(root.DATA_SAMPLERS, 'mmpe.datasets')
METRICS = _child(root.METRICS, 'mmpe.evaluation')

LOOPS = _child(root.LOOPS, 'mmpe.engine')
HOOKS = _child(root.HOOKS, 'mmpe.engine')
LOG_PROCESSORS = _child(root.LOG_PROCESSORS, 'mmpe.engine')
MODEL_WRAPPERS = _child(root.MODEL_WRAPPERS, 'mmpe.engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(root.OPTIM_WRAPPER_CONSTRUCTORS, 'mmpe.engine', 'mmpe.compat')

EVALUATOR = _child(root.EVALUATOR)
OPTIMIZERS = _child(root.OPTIMIZERS)
OPTIM_WRAPPERS = _child(root.OPTIM_WRAPPERS, 'mmpe.engine')
PARAM_SCHEDULERS = _child(root.PARAM_SCHEDULERS)
RUNNERS = _child(root.RUNNERS)
RUNNER_CONSTRUCTORS = _child(root.RUNNER_CONSTRUCTORS)
TASK_UTILS = _child(root.TASK_UTILS)
TRANSFORMS = _child(root.TRANSFORMS)
VISBACKENDS = _child(root.VISBACKENDS)
VISUALIZERS = _child(root.VISUALIZERS)
WEIGHT_INITIALIZERS = _child(root.WEIGHT_INITIALIZERS)
