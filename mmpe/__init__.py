"""mmpe: positional encoding as spatial inductive bias in GANs, for the OpenMMLab toolbox."""

from importlib import import_module, metadata

from packaging.specifiers import SpecifierSet

from .version import __version__

__all__ = ['__version__']

# As setup.cfg states them. mmcv comes as a full or as a light distribution; both install the module of that name.
_REQUIRED = (
    ('>=0.10.6,<0.11', 'mmengine'),
    ('>=2.0.1,<2.2', 'mmcv', 'mmcv-lite'),
)


def _installed_version(*distributions: str) -> str:
    for name in distributions:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return import_module(distributions[0]).__version__  # a source tree on the path has no metadata


def _check_requirements() -> None:
    """Raise ImportError for an MMEngine or mmcv outside the supported range, without importing OpenCV with mmcv."""
    for supported, *distributions in _REQUIRED:
        version = _installed_version(*distributions)
        if not SpecifierSet(supported).contains(version, prereleases=True):
            raise ImportError(
                f'mmpe {__version__} needs {distributions[0]}{supported}, but {version} is installed: '
                f'pip install "{distributions[-1]}{supported}"'
            )


_check_requirements()

from . import _mmengine  # noqa: E402  (an unsupported MMEngine may lack what it adapts)

_mmengine.adapt()
