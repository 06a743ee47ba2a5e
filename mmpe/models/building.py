"""Building a model from its config, once it is known to fit into memory."""

from __future__ import annotations

from contextvars import ContextVar
from itertools import chain

import torch
from mmengine.registry import Registry, build_model_from_cfg
from torch import nn
from torch.overrides import TorchFunctionMode

from mmpe.errors import InputError
from mmpe.memory import check_room

_MAKERS = (
    *(torch.empty, torch.zeros, torch.ones, torch.full, torch.eye, torch.tensor, torch.arange, torch.linspace),
    *(torch.rand, torch.randn, torch.randint, torch.randperm),
)
_COPIES = 2  # a weight, and what it is made from; in training its gradient
_ADVICE = 'fewer channels, scales or pixels'
_asked = ContextVar('asked', default=False)


def build_if_it_fits(config: dict, registry: Registry, *args, **kwargs) -> nn.Module:
    """MMEngine's way to build a model, after its weights have been counted without making them.

    A config of a few numbers can ask for terabytes, and memory would fill up for minutes before it is short.

    Raises:
        InputError: If there is less memory than the weights take.

    >>> from mmpe.registry import MODELS
    >>> build_if_it_fits(dict(type='CartesianGrid'), MODELS).out_channels
    2
    """
    if not _asked.get():
        token = _asked.set(True)
        try:
            _check_weights(config, registry, *args, **kwargs)
            return build_model_from_cfg(config, registry, *args, **kwargs)
        finally:
            _asked.reset(token)
    return build_model_from_cfg(config, registry, *args, **kwargs)


def _check_weights(config: dict, registry: Registry, *args, **kwargs) -> None:
    name = str(config.get('type')) if isinstance(config, dict) else 'model'
    try:
        with _WithoutMemory():
            model = build_model_from_cfg(config, registry, *args, **kwargs)
    except Exception as error:
        if 'overflow' in str(error):
            raise InputError(f'a {name} of this size takes more memory than can be counted: {_ADVICE}') from error
        return  # it will be raised again where it is asked for, or it is a model that must see its numbers
    if isinstance(model, nn.Module):
        tensors = chain(model.parameters(), model.buffers())
        size = _COPIES * sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        check_room(size, torch.device('cpu'), f'a {name} of this size', _ADVICE)


class _WithoutMemory(TorchFunctionMode):
    """Within it all new tensors have a shape and no numbers, wherever they are asked to be."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if function in _MAKERS:
            kwargs.pop('generator', None)
            kwargs['device'] = 'meta'
        return function(*args, **kwargs)
