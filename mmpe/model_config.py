"""The model's config in a checkpoint: data from outside, checked before anything is built from it."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor
from torch.nn.modules import module as torch_module

from mmpe.checkpoints import check_kinds
from mmpe.errors import InputError
from mmpe.registry import MODELS, plain_data, registered_names_only

# What parts of mmpe take beside mmpe's own.
_NORMALIZATIONS = {'BN', 'BN2d', 'IN', 'IN2d', 'LN', 'GN', 'SyncBN'}
_ACTIVATIONS = {
    *('ReLU', 'LeakyReLU', 'PReLU', 'RReLU', 'ReLU6', 'ELU', 'SELU', 'CELU', 'GELU', 'SiLU', 'Swish', 'Mish'),
    *('Sigmoid', 'Tanh', 'HSwish', 'HSigmoid', 'Softplus'),
}
_RELEASED = {'BaseDataPreprocessor', 'ImgDataPreprocessor', 'avgpool', 'nearest', 'bilinear'}
_OTHERS = _NORMALIZATIONS | _ACTIVATIONS | _RELEASED
_SCOPES = ('mmpe', 'mmengine', 'mmcv')
_SPARE_NUMBERS = 2**20
_SPARE_PARTS = 2_000


def build_model(config: dict, state: dict[str, Tensor]) -> BaseModel:
    """Build the model of a checkpoint on the CPU, and load its weights.

    The model is first built on the meta device, which takes no memory. So a config that asks for a larger model than
    there are weights costs nothing.

    Args:
        config: The model's config in the checkpoint, with a ``type``.
        state: The state dict in the checkpoint.

    Raises:
        InputError: If the config names anything that is not registered, or does not fit the weights.

    >>> from mmpe.registry import MODELS
    >>> config = dict(type='SinGANModel', generator=dict(type='SinGANGenerator'),
    ...               discriminator=dict(type='SinGANDiscriminator'))
    >>> build_model(config, MODELS.build(config).state_dict()).num_scales
    0
    """
    check_model_config(config)
    with registered_names_only(), _as_large_as(state):
        try:
            _check_numbers(config, state)
            model = MODELS.build(config)
            check_kinds(model.state_dict(), state)
            model.load_state_dict(state)
        except Exception as error:  # whatever is wrong, the file is what it comes from
            reason = error.args[0] if isinstance(error, KeyError) and error.args else error
            reason = ' '.join(str(reason).split()) or type(error).__name__
            raise InputError(f'it does not fit the model that it names, {config["type"]}: {reason}') from error
    return model


def check_model_config(config: dict | None, trusted: dict | None = None) -> None:
    """Refuse a checkpoint's config that names anything but parts registered in mmpe. Nothing is imported or built.

    Args:
        config: The model's config in a checkpoint. None, where the checkpoint has no config, is accepted.
        trusted: The config of the model that the user runs. Whatever it names may be named.

    Raises:
        InputError: If the type is not that of a model, or a type within is not registered.

    >>> check_model_config(dict(type='SinGANModel', generator=dict(type='SinGANGenerator')))
    """
    if config is None:
        return
    known = {name for _, name in _types(plain_data(trusted or {})) if isinstance(name, str)}
    for where, name in _types(config):
        if not isinstance(name, str) or not (_own(name) or _without_scope(name) in _OTHERS or name in known):
            raise InputError(f'its {where} is {reprlib.repr(name)}, which is not registered in mmpe: nothing is built')
    name = config.get('type')
    model = _own(name)
    if name not in known and not (inspect.isclass(model) and issubclass(model, BaseModel)):
        raise InputError(f'it names {reprlib.repr(name)} as its model, which is not a model of mmpe')


def _types(config: Any, where: str = 'model') -> Iterator[tuple[str, object]]:
    if isinstance(config, dict):
        if '_scope_' in config and config['_scope_'] not in _SCOPES:
            yield f'{where}._scope_', config['_scope_']
        if 'type' in config:
            yield f'{where}.type', config['type']
    items = config.items() if isinstance(config, dict) else enumerate(config)
    for key, value in items:
        if isinstance(value, (dict, list, tuple)):
            yield from _types(value, f'{where}.{key}')


def _without_scope(name: str) -> str:
    scope, _, inner = name.rpartition('.')
    return inner if scope in ('', *_SCOPES) else name


def _own(name: Any):
    """The class that mmpe registers by a name, None where it does not."""
    if not isinstance(name, str):
        return None
    MODELS.import_from_location()
    return MODELS.module_dict.get(name.removeprefix('mmpe.'))


@contextmanager
def _as_large_as(state: dict[str, Tensor]) -> Iterator[None]:
    """End a build that makes many times as many parts as there are weights: it would go on for ever."""
    left = _SPARE_PARTS + 10 * len(state)

    def count(module, name, part):
        nonlocal left
        left -= 1
        if left < 0:
            raise InputError(f'it has more parts than {len(state)} tensors are weights of')

    hooks = [
        torch_module.register_module_module_registration_hook(count),
        torch_module.register_module_parameter_registration_hook(count),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _check_numbers(config: dict, state: dict[str, Tensor]) -> None:
    try:
        with torch.device('meta'):
            hollow = MODELS.build(config)
    except (NotImplementedError, RuntimeError) as error:
        if 'meta' not in str(error):
            raise
        return  # a user's own part that looks at its numbers while it is built
    needed = sum(tensor.numel() for tensor in [*hollow.parameters(), *hollow.buffers()])
    there = sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in state.values()}.values())
    if needed > 2 * there + _SPARE_NUMBERS:
        raise InputError(f'it has {needed} numbers, and the file {there} bytes of weights')
