"""Released arguments, and what they are in mmpe."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature

from torch import nn

from mmpe.errors import InputError

from .encodings import CSG, SPE


def takes_only(*harmless: str, same: tuple[str, ...] = (), **defaults) -> Callable:
    """Decorator: a function that takes further released arguments too, which are checked and not passed on.

    Args:
        *harmless: Those that may have any value, as they do nothing here.
        same: Those that the function passes on as they are, and so takes as ``**``.
        **defaults: Those that may have their released default alone, see :func:`only_defaults`.

    >>> @takes_only('out_fp32', eps=1e-8)
    ... def width(channels):
    ...     return channels
    >>> width(channels=4, eps=1e-8, out_fp32=True)
    4
    >>> width(channels=4, eps=1)
    Traceback (most recent call last):
    mmpe.errors.InputError: eps=1 is not supported: mmpe has only eps=1e-08
    """

    def decorate(function: Callable) -> Callable:
        known = {*harmless, *same, *signature(function).parameters}

        @wraps(function)
        def checked(*args, **given):
            only_defaults({name: given[name] for name in given if name in defaults or name not in known}, defaults)
            return function(*args, **{name: given[name] for name in given if name not in {*harmless, *defaults}})

        return checked

    return decorate


def only_defaults(given: dict, defaults: dict) -> None:
    """Accept released arguments at their released defaults, and nothing else. A tuple counts as a list.

    Raises:
        InputError: If one has another value or is unknown; the message names it.

    >>> only_defaults(dict(eps=1e-8), dict(eps=1e-8, pretrained=None))
    >>> only_defaults(dict(eps=1), dict(eps=1e-8))
    Traceback (most recent call last):
    mmpe.errors.InputError: eps=1 is not supported: mmpe has only eps=1e-08
    """
    for name, value in given.items():
        if name not in defaults:
            raise InputError(f'{name}={value!r}: mmpe has no such option')
        if (list(value) if isinstance(value, tuple) else value) != defaults[name]:
            raise InputError(f'{name}={value!r} is not supported: mmpe has only {name}={defaults[name]!r}')


def refuse_arguments_of(kind: str, names: tuple[str, ...], given: dict) -> None:
    """Refuse released arguments that only another type has.

    Raises:
        InputError: If one of ``names`` is given; the message names it and the type.

    >>> refuse_arguments_of('MSStyleGANv2Generator', ('no_pad',), dict(no_pad=True))
    Traceback (most recent call last):
    mmpe.errors.InputError: no_pad is an argument of MSStyleGANv2Generator: take that type
    """
    for name in names:
        if name in given:
            raise InputError(f'{name} is an argument of {kind}: take that type')


@takes_only(channel_groups=1, sync_std=False, sync_groups=None, gather_all_batch=False, eps=1e-8)
def group_size(group_size: int = 4) -> int:
    """Images per group of the minibatch standard deviation, of released arguments of that layer.

    >>> group_size(**dict(group_size=2, channel_groups=1))
    2
    """
    return group_size


def built_of(kind: type[nn.Module], **arguments) -> nn.Module:
    """A network of mmpe's that a released one is, with its ``arguments`` as an attribute.

    >>> built_of(nn.Linear, in_features=2, out_features=1).arguments
    {'in_features': 2, 'out_features': 1}
    """
    network = kind(**arguments)
    network.arguments = arguments
    return network


def own_config(config: dict, network: nn.Module, own_type: str) -> dict:
    """The config of a network as one of mmpe's own types.

    Args:
        config: Of a network, released or mmpe's.
        network: What was built from it.
        own_type: The type of mmpe's that a released one is made of.
    """
    arguments = vars(network).get('arguments')
    if arguments is None:
        return dict(config)
    own = dict(arguments, type=own_type)
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
