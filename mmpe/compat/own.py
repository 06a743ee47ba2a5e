"""Released configs of networks as mmpe's own."""

from __future__ import annotations

from torch import nn

from mmpe.registry import MODELS

from .encodings import CSG, SPE


def own_network(config: dict, own_type: str) -> dict:
    """The config of a network as one of mmpe's own types.

    Args:
        config (dict): Of a network, released or mmpe's.
        own_type (str): The type of mmpe's that a released one is made of.

    Raises:
        InputError: If an argument has a value that cannot work, or that mmpe has no counterpart for.
    """
    network = MODELS.build(config)
    if not hasattr(network, 'arguments'):
        return dict(config)
    own = dict(network.arguments, type=own_type)
    if own.get('encoding'):
        own['encoding'] = _own_encoding(own['encoding'], network.encoding)
    return own


def _own_encoding(config: dict, encoding: nn.Module) -> dict:
    if isinstance(encoding, CSG):
        return dict(type='CartesianGrid')
    if isinstance(encoding, SPE) and encoding.padding_idx == 0:
        return dict(type='SinusoidalEncoding', embedding_dim=encoding.embedding_dim, div_half_dim=encoding.div_half_dim)
    if 'encoding' in config:
        return dict(config, encoding=_own_encoding(config['encoding'], encoding.encoding))
    return config
