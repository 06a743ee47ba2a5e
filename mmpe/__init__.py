"""mmpe: positional encoding as spatial inductive bias in GANs, for the OpenMMLab toolbox."""

from .version import __version__

__all__ = ['__version__']
