"""MMEngine and mmcv: which of the distributions that provide them is installed, and whether mmpe works with it.

They are no plain requirements of mmpe. Each comes as several distributions with the same modules, and pip would lay one
over the files of another.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any

from packaging.specifiers import SpecifierSet

_ADVICE = "pip install 'mmpe[openmmlab]'"


@dataclass(frozen=True)
class Module:
    """A module that mmpe needs.

    Attributes:
        name: The name that it is imported by.
        versions: The versions that work, as pip reads them.
        distributions: The distributions that provide it.
    """

    name: str
    versions: str
    distributions: tuple[str, ...]


REQUIRED = (
    Module('mmengine', '>=0.10.6,<0.11', ('mmengine', 'mmengine-lite', 'onedl-mmengine')),
    Module('mmcv', '>=2.0.1,<2.4', ('mmcv', 'mmcv-lite', 'onedl-mmcv')),
)


class RequirementError(ImportError):
    """A module that mmpe needs is missing, or of a version that does not work."""


def check_required() -> None:
    """Look for the modules that mmpe needs, without importing mmcv, which would import OpenCV.

    Raises:
        RequirementError: If a module is missing, or of a version that does not work. The message names the
            distribution. A program that does not catch the error ends with this line and exit code 2, as mmpe's tools
            do for all mistakes: their own boundary cannot be imported then.

    >>> check_required()
    """
    try:
        for module in REQUIRED:
            _check(module, _installed(module))
    except RequirementError:
        sys.excepthook = partial(_end_in_a_line, sys.excepthook)
        raise


def _end_in_a_line(usual: Callable, kind: type, error: BaseException, traceback: Any) -> None:
    if not isinstance(error, RequirementError):
        usual(kind, error, traceback)
        return
    print(f'error: {error}', file=sys.stderr)
    raise SystemExit(2)


def _installed(module: Module) -> dict[str, str]:
    """The installed distributions that provide a module, with their versions."""
    found = {}
    for name in module.distributions:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _check(module: Module, found: dict[str, str]) -> None:
    needed = f'mmpe needs {module.name}{module.versions}'
    if find_spec(module.name) is None:
        broken = f' (what is left of {_listed(found)} is broken)' if found else ''
        raise RequirementError(
            f'{needed}, and there is none{broken}: {_ADVICE}, or one of {", ".join(module.distributions)} alone'
        )
    if not found:  # a source tree on the path has no metadata
        found = {module.name: import_module(module.name).__version__}
    if not any(SpecifierSet(module.versions).contains(version, prereleases=True) for version in found.values()):
        name = next(iter(found))
        raise RequirementError(f'{needed}, and {_listed(found)} is installed: pip install "{name}{module.versions}"')
    if len(found) > 1:
        warnings.warn(
            f'{_listed(found)} are all installed, provide the same module {module.name}, and have overwritten each '
            'other: uninstall all of them, and install one',
            stacklevel=3,
        )


def _listed(found: dict[str, str]) -> str:
    return ', '.join(f'{name} {version}' for name, version in found.items())
