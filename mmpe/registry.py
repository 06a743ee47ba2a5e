"""The names of everything that is built from a config: one registry per kind, with the scope ``mmpe``.

Each registry is a child of MMEngine's root of its kind, and a sibling of mmagic's, so ``type='mmpe.X'`` works in any
OpenMMLab config. A registry imports its ``locations`` at the first look-up, and not before. Released names of the
paper's code are registered by :mod:`mmpe.compat`. Kinds to which mmpe adds nothing have a registry as well: without a
child of its scope, MMEngine warns at every look-up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
import torch
from mmengine import registry as root
from mmengine.registry import Registry
from mmengine.registry import registry as lookups


def _child(parent: Registry, *locations: str, **options) -> Registry:
    # without a location MMEngine says at the first look-up that mmpe is not installed
    locations = list(locations) or ['mmpe.registry']
    return Registry(parent.name, parent=parent, scope='mmpe', locations=locations, **options)


def _build_model(config: Any, *args, registry: Registry, **kwargs) -> Any:
    from mmpe.models.building import build_if_it_fits  # what has no models to build need not import them

    registry.import_from_location()
    return build_if_it_fits(config, registry, *args, **kwargs)


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


def registered_name(kind: Any) -> str:
    """How a config names a class or function: by its registered name, or else by its full name.

    >>> from mmpe.models.encodings import CartesianGrid
    >>> registered_name(CartesianGrid)
    'CartesianGrid'
    """
    for registry in (value for value in globals().values() if isinstance(value, Registry)):
        for names in (registry.module_dict, registry.parent.module_dict):
            name = next((name for name, module in names.items() if module is kind), None)
            if name is not None:
                return name
    return f'{kind.__module__}.{kind.__qualname__}'


def registered(kind: type, registry: Registry = MODELS) -> dict[str, type]:
    """All classes derived from a class, by their registered names.

    >>> from mmpe.models.encodings import Encoding
    >>> 'CartesianGrid' in registered(Encoding)
    True
    """
    found = registry.module_dict.items()
    return {name: module for name, module in found if isinstance(module, type) and issubclass(module, kind)}


def plain_data(data: Any) -> Any:
    """A config as plain dicts, lists, tuples and numbers. Classes are replaced by their registered names.

    The ``_scope_`` that MMEngine adds to configs inherited as ``mmpe::NAME`` is left out.

    >>> from mmpe.models.encodings import CartesianGrid
    >>> plain_data(dict(type=CartesianGrid, weight=np.float32(0.5)))
    {'type': 'CartesianGrid', 'weight': 0.5}
    """
    if isinstance(data, dict):
        return {key: plain_data(value) for key, value in data.items() if (key, value) != ('_scope_', 'mmpe')}
    if isinstance(data, (list, tuple)):
        return (list if isinstance(data, list) else tuple)(plain_data(value) for value in data)
    if isinstance(data, np.generic):
        return data.item()
    if data is None or isinstance(data, (bool, int, float, str, bytes, np.ndarray, torch.Tensor)):
        return data
    return registered_name(data) if hasattr(data, '__qualname__') else str(data)


@contextmanager
def registered_names_only() -> Iterator[None]:
    """Within, a name that is in no registry is an error.

    Otherwise MMEngine imports the function of that name, and calls it, which a checkpoint must not cause.

    >>> with registered_names_only():
    ...     MODELS.build(dict(type='os.getcwd'))
    Traceback (most recent call last):
    RuntimeError: Failed to get os.getcwd
    """
    before = lookups.import_module, lookups.get_object_from_string
    lookups.import_module, lookups.get_object_from_string = _import_own, _import_nothing
    try:
        yield
    finally:
        lookups.import_module, lookups.get_object_from_string = before


def _import_own(name: str):
    if name.partition('.')[0] not in ('mmpe', 'mmengine', 'mmcv'):
        raise ImportError(f'{name} is not imported for a name in a checkpoint')
    return import_module(name)


def _import_nothing(name: str):
    raise LookupError(f'{name} is not registered')
