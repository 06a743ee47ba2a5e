"""Parts are found where they lie: a new module in a package of parts is one file, and no line elsewhere."""

from __future__ import annotations

import pkgutil
from importlib import import_module


def import_modules(package: str) -> None:
    """Import every module and package that lies directly in a package, so that what they define is registered.

    Args:
        package: The name of the package, which is ``__name__`` in its ``__init__``. Modules whose names begin with an
            underscore are not imported.

    >>> import_modules('mmpe.models.encodings')
    >>> from mmpe.registry import MODELS
    >>> MODELS.get('CartesianGrid').__name__
    'CartesianGrid'
    """
    for module in pkgutil.iter_modules(import_module(package).__path__):
        if not module.name.startswith('_'):
            import_module(f'{package}.{module.name}')
