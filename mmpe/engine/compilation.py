"""What a config says under ``compile``, MMEngine's name for the options of :func:`torch.compile`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from mmpe.errors import InputError, as_input_error, reason
from mmpe.numbers import shown

_OPTIONS = ('backend', 'mode', 'options', 'dynamic', 'fullgraph', 'disable')
_MOST_GRAPHS = 64
"""Of one function. PyTorch's 8 are few: a block has one per width, and per set of tensors that need gradients."""


def compilation_options(compile: bool | Mapping | None) -> dict[str, Any] | None:
    """The options of :func:`torch.compile` that a config's ``compile`` stands for; None: nothing is compiled.

    Raises:
        InputError: If it is neither True nor False nor a dict, or PyTorch does not accept an option.

    >>> compilation_options(True), compilation_options(False)
    ({}, None)
    >>> compilation_options(dict(backend='inductor', mode='max-autotune'))
    {'backend': 'inductor', 'mode': 'max-autotune'}
    """
    if compile is None or compile is False:
        return None
    if compile is not True and not isinstance(compile, Mapping):
        raise InputError(
            f"compile={shown(compile)} cannot work: it must be True, False, or a dict such as dict(mode='max-autotune')"
        )
    options = {} if compile is True else dict(compile)
    unknown = [name for name in options if name not in _OPTIONS]
    if unknown:
        raise InputError(f'compile.{unknown[0]} is not an option: there are {", ".join(_OPTIONS)}')
    if options:
        with as_input_error(f'compile={shown(dict(options))} cannot work'):
            torch.compile(lambda: None, **options)
    return options


def compile_network(network: nn.Module, options: Mapping[str, Any]) -> None:
    """Compile what training and sampling call of a network, when it is first called; :meth:`nn.Module.compile`.

    Names in its state dict stay, and copies of it are uncompiled.

    Args:
        network: The network.
        options: Those of :func:`torch.compile`.

    >>> from mmpe.models.stylegan2.mapping import MappingNetwork
    >>> network = MappingNetwork(channels=2, num_layers=1)
    >>> compile_network(network, dict(backend='eager'))
    >>> network(torch.zeros(1, 2)).shape, list(network.state_dict())
    (torch.Size([1, 2]), ['layers.0.weight', 'layers.0.bias'])
    """
    import torch._dynamo as dynamo  # takes a second, and only who compiles needs it

    dynamo.config.recompile_limit = max(dynamo.config.recompile_limit, _MOST_GRAPHS)
    network.compile(**options)


@contextmanager
def as_compilation_error(compile: bool | Mapping | None) -> Iterator[None]:
    """Within, turn a failure of PyTorch's compiler, such as a lack of a C++ compiler, into an ``InputError``."""
    try:
        yield
    except Exception as error:
        dynamo = sys.modules.get('torch._dynamo')
        if 'not currently support double backward' in str(error):
            raise InputError(
                'a loss differentiates gradients, which compiled networks do not support: compute it within '
                'mmpe.second_derivatives.second_derivatives(), or leave compile out'
            ) from error
        if dynamo is None or not isinstance(error, dynamo.exc.TorchDynamoException):
            raise
        raise InputError(f'compile={shown(compile)} does not work here: {reason(error)}; leave it out') from error
