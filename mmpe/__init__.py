"""mmpe: positional encoding as spatial inductive bias in GANs, for the OpenMMLab toolbox."""

from .distributions import check_required
from .version import __version__

__all__ = ['__version__']

check_required()

from . import _mmengine  # noqa: E402  (an MMEngine that does not work may lack what it adapts)

_mmengine.adapt()
