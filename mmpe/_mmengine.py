"""What MMEngine 0.10 lacks on current PyTorch and setuptools, and where it finds mmpe's configs.

``import mmpe`` calls :func:`adapt` once. What a function gives is asked first: one that works stays as it is.
"""

from __future__ import annotations

import logging
import os.path as osp
import pickle
import sys
import warnings
from collections.abc import Callable
from functools import cache, partial, wraps
from importlib import metadata
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.dist import utils as dist_utils
from mmengine.logging import MMLogger
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.utils import package_utils

from .distributions import REQUIRED
from .names import escape_unencodable

__all__ = ['adapt']


def adapt() -> None:
    """Let MMEngine load its own checkpoints and find installed packages, mmpe among them."""
    MODULE2PACKAGE['mmpe'] = 'mmpe'
    allow_checkpoint_types()
    _replace_package_utils()
    _dump_what_is_read()
    _log_any_name()
    _replace_launchers()


def allow_checkpoint_types() -> None:
    """Let a weights-only ``torch.load``, the default since PyTorch 2.6, read what MMEngine's runner saves.

    Each type is listed with its name, as an entry of mmpe's own: onedl-mmengine's loader takes its entries of the same
    types off again.
    """
    torch.serialization.add_safe_globals(_checkpoint_types())


@cache
def _checkpoint_types() -> list[tuple[Callable, str]]:
    """Of the message hub's histories, each with its arrays and statistics, and of NumPy scalars as ``best_score``."""
    dtypes = [type(np.dtype(name)) for name in ('bool', 'int32', 'int64', 'float32', 'float64')]
    types = [HistoryBuffer, np.ndarray, np.dtype, *dtypes]
    rebuild = [np.array(0.0).__reduce__()[0], np.float64(0).__reduce__()[0]]
    return [
        *((kind, f'{kind.__module__}.{kind.__qualname__}') for kind in types),
        # NumPy 2 has moved these two; either version reads what the other has saved
        *((f, f'numpy.{core}.multiarray.{f.__name__}') for f in rebuild for core in ('core', '_core')),
        (_history_statistic, 'builtins.getattr'),
    ]


def _history_statistic(owner: type, name: str) -> Callable:
    """Stand in for ``getattr``: a :class:`HistoryBuffer` pickles its statistics as ``getattr(HistoryBuffer, 'mean')``.

    ``getattr`` itself would hand a hostile file every attribute of every allowed type.
    """
    if owner is not HistoryBuffer or name not in ('min', 'max', 'mean', 'current'):
        raise pickle.UnpicklingError(f'getattr({owner!r}, {name!r}) is not part of an MMEngine checkpoint')
    return getattr(HistoryBuffer, name)


def _replace_package_utils() -> None:
    """Give MMEngine package look-ups where its own need ``pkg_resources``, which setuptools 82 has dropped, or miss
    editable installs, whose code lies outside site-packages.
    """
    for function, question, answer in (
        (is_installed, 'mmpe', True),
        (get_installed_path, 'mmpe', osp.dirname(osp.abspath(__file__))),
        (package2module, _distribution_of_mmengine(), 'mmengine'),
    ):
        if not _answers(getattr(package_utils, function.__name__), question, answer):
            for name in (
                'mmengine.utils',
                'mmengine.utils.package_utils',
                'mmengine.config.config',
                'mmengine.hub.hub',
            ):
                if hasattr(sys.modules.get(name), function.__name__):
                    setattr(sys.modules[name], function.__name__, function)


def _answers(function: Callable, question: str, answer: Any) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # pkg_resources announces its own end
        try:
            return function(question) == answer
        except Exception:
            return False


def _distribution_of_mmengine() -> str:
    names = next(module.distributions for module in REQUIRED if module.name == 'mmengine')
    return next((name for name in names if is_installed(name)), 'mmengine')


def _dump_what_is_read() -> None:
    """Let the text of a config be read back as it was: in a name such as ``{{x}}.png`` braces are not a template."""
    if '{{' not in Config(dict(name='{{x}}')).pretty_text:
        return
    pretty_text = Config.pretty_text.fget
    Config.pretty_text = property(lambda config: pretty_text(config).replace('{{', '{\\x7b'))  # always in a string


def _log_any_name() -> None:
    """Let loggers write names that their streams cannot encode, with escapes; log files are UTF-8 everywhere."""
    init = MMLogger.__init__

    @wraps(init)
    def with_escapes(self, *args, **kwargs):
        init(self, *args, **kwargs)
        for handler in self.handlers:
            if isinstance(handler, logging.FileHandler):
                handler.encoding, handler.errors = 'utf-8', 'backslashreplace'
                if handler.stream is not None:
                    handler.stream.reconfigure(encoding='utf-8', errors='backslashreplace')
            elif isinstance(handler, logging.StreamHandler):
                escape_unencodable(handler.stream)

    MMLogger.__init__ = with_escapes


def _replace_launchers() -> None:
    """Let a runner join processes without a GPU, and those that Slurm and any MPI started.

    MMEngine's ``init_dist`` looks these functions up when it is called, wherever it has been imported before.
    """
    originals = {launcher: getattr(dist_utils, f'_init_dist_{launcher}') for launcher in ('pytorch', 'slurm', 'mpi')}
    for launcher, original in originals.items():
        setattr(dist_utils, original.__name__, partial(_init_dist, launcher, original))


def _init_dist(launcher: str, original: Callable, backend: str, **settings) -> None:
    """Join the processes of a launcher: MMEngine's way where that works, and else as mmpe's own tools do."""
    from mmpe.apis import processes  # imports models, which a run needs, and a light ``import mmpe`` does not

    on_gpu = torch.cuda.is_available() or processes.has_other_accelerator()
    plain = settings.get('init_backend', 'torch') == 'torch' and not processes.has_other_accelerator()
    if plain and not (launcher == 'pytorch' and on_gpu):
        settings.pop('init_backend', None)
        processes.join(launcher, {}, backend, **settings)
    else:
        original(backend, **settings)


def is_installed(package: str) -> bool:
    """Whether a distribution (``mmcv-lite``) or a module (``mmcv``) of this name is installed."""
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return _find_module(package) is not None
    return True


def get_installed_path(package: str) -> str:
    """The folder of the module that a distribution or module name stands for.

    Raises:
        PackageNotFoundError: If nothing of that name is installed.
    """
    module = _find_module(package) or _find_module(package2module(package))
    if module is None:
        raise metadata.PackageNotFoundError(package)
    return osp.dirname(module)


def package2module(package: str) -> str:
    """The top-level module that a distribution installs.

    Raises:
        PackageNotFoundError: If the distribution is not installed.
        ValueError: If it does not name its top-level module.
    """
    modules = (metadata.distribution(package).read_text('top_level.txt') or '').split()
    if not modules:
        raise ValueError(f'cannot infer the module name of {package}')
    return modules[0]


def _find_module(name: str) -> str | None:
    spec = find_spec(name)
    return spec and spec.origin  # a folder that happens to have the name, say a clone, has a spec but no origin
