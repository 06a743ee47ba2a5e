"""Optimisers for models of several networks."""

from __future__ import annotations

from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapperDict, build_optim_wrapper
from torch import nn

from mmpe.errors import InputError
from mmpe.registry import OPTIM_WRAPPER_CONSTRUCTORS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class PerNetworkOptimWrapperConstructor:
    """An optimiser for each network of a GAN, from ``generator=dict(optimizer=...), discriminator=dict(...)``.

    Args:
        optim_wrapper_cfg (dict): A network's name to the config of its optim wrapper.
        paramwise_cfg (None): Belongs into the networks' own configs.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None):
        if paramwise_cfg:
            raise InputError('paramwise_cfg belongs into the optim_wrapper of one network')
        self.configs = dict(optim_wrapper_cfg)
        # MMEngine's --amp and the runner write these for a single optimiser
        self.shared = {key: self.configs.pop(key) for key in ('type', 'loss_scale', 'dtype') if key in self.configs}

    def __call__(self, model: nn.Module) -> OptimWrapperDict:
        """Build them all; an unknown network's name raises :class:`InputError`."""
        model = model.module if is_model_wrapper(model) else model
        for name in self.configs:
            if not isinstance(getattr(model, name, None), nn.Module):
                networks = [n for n, child in model.named_children() if any(True for _ in child.parameters())]
                raise InputError(f'optim_wrapper names a network {name!r}; the model has {", ".join(networks)}')
        return OptimWrapperDict(
            **{
                name: build_optim_wrapper(getattr(model, name), {**self.shared, **config})
                for name, config in self.configs.items()
            }
        )
