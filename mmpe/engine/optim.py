"""Optimizers: one per network, and mixed precision on any device."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from mmengine.logging import print_log
from mmengine.optim import AmpOptimWrapper, OptimWrapper, OptimWrapperDict, build_optim_wrapper
from torch import nn

from mmpe.errors import InputError, as_input_error
from mmpe.numbers import check_above, check_finite, check_numbers, check_real, check_whole, is_real, shown
from mmpe.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS, OPTIMIZERS

from .wrapper import unwrapped

_MOST_SKIPPED = 50
"""Steps in a row. PyTorch's scaler halves its scale each time, and seldom starts above 2^24."""


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class PerNetworkOptimWrapperConstructor:
    """One optimizer per network of a GAN.

    Args:
        optim_wrapper_cfg: The config of each network's optim wrapper, by the network's name in the model.
        paramwise_cfg: Not accepted here. It belongs into the config of one network's optim wrapper.

    Raises:
        InputError: If ``paramwise_cfg`` is given.

    >>> model = nn.ModuleDict(dict(generator=nn.Linear(2, 2), discriminator=nn.Linear(2, 1)))
    >>> adam = dict(optimizer=dict(type='Adam', lr=2e-4, betas=(0.0, 0.99)))
    >>> wrappers = PerNetworkOptimWrapperConstructor(dict(generator=adam, discriminator=adam))(model)
    >>> wrappers.get_lr()
    {'generator.lr': [0.0002], 'discriminator.lr': [0.0002]}
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None):
        if paramwise_cfg:
            raise InputError('paramwise_cfg belongs into the optim_wrapper of one network')
        self.configs = optim_wrapper_cfg

    def __call__(self, model: nn.Module) -> OptimWrapperDict:
        """Build the optim wrappers of a model.

        Raises:
            InputError: If the model has no such network, or a setting of an optimizer is not valid.
        """
        model = unwrapped(model)
        for name in self.configs:
            if not isinstance(getattr(model, name, None), nn.Module):
                networks = [n for n, child in model.named_children() if any(True for _ in child.parameters())]
                raise InputError(f'optim_wrapper names a network {name!r}; the model has {", ".join(networks)}')
        return OptimWrapperDict(
            **{name: _build(name, getattr(model, name), config) for name, config in self.configs.items()}
        )


def _build(name: str, network: nn.Module, config: dict) -> OptimWrapper:
    """The optim wrapper of a network. MMEngine checks some settings by assertions, which Python may leave out."""
    key = f'optim_wrapper.{name}'
    optimizer = config.get('optimizer') if isinstance(config, dict) else None
    if not isinstance(optimizer, dict) or 'type' not in optimizer:
        raise InputError(
            f"{key}={shown(config)} cannot work: it must be a dict with optimizer=dict(type='Adam', lr=...)"
        )
    if isinstance(optimizer['type'], str) and OPTIMIZERS.get(optimizer['type']) is None:
        raise InputError(f'there is no optimizer {optimizer["type"]}')
    check_finite(config, key)
    if 'lr' in optimizer:
        check_real(0, **{f'{key}.optimizer.lr': optimizer['lr']})
    if 'betas' in optimizer:
        check_numbers(partial(check_real, 0, 1), 2, **{f'{key}.optimizer.betas': optimizer['betas']})
    check_whole(1, **{f'{key}.accumulative_counts': config.get('accumulative_counts', 1)})
    _check_clipping(f'{key}.clip_grad', config.get('clip_grad'))
    with as_input_error(key):
        return build_optim_wrapper(network, config)


def _check_clipping(key: str, config: dict | None) -> None:
    """Refuse settings that would reverse gradients, or whose error would come only at the first step."""
    if not config:
        return
    by_value = isinstance(config, dict) and config.get('type', 'norm') == 'value'
    needed = 'clip_value' if by_value else 'max_norm'
    known = {'type', needed, *(() if by_value else ('norm_type', 'error_if_nonfinite', 'foreach'))}
    if not isinstance(config, dict) or needed not in config or config.keys() - known - {'_scope_'}:
        raise InputError(f'{key}={shown(config)} cannot work: it must be dict(max_norm=...) or dict(type="value", ...)')
    check_above(0, **{f'{key}.{needed}': config[needed]})
    if config.get('norm_type', 2) not in (math.inf, 'inf'):
        check_above(0, **{f'{key}.norm_type': config.get('norm_type', 2)})


@OPTIM_WRAPPERS.register_module()
class Float16OptimWrapper(AmpOptimWrapper):
    """Scales losses so that their gradients fit into float16, on any device; MMEngine's own one needs a GPU.

    A step whose gradients overflow is skipped, and the scale halved, as :class:`torch.amp.GradScaler` does. A run ends
    when so many steps in a row are skipped that no scale can help. Checkpoints are those of ``AmpOptimWrapper``.

    Args:
        loss_scale: 'dynamic', the scale as a number, or a dict of arguments of :class:`torch.amp.GradScaler`.
        autocast: Whether whole networks run in float16. False: only what they run in float16 of their own accord, see
            ``num_fp16_res`` of :class:`~mmpe.models.stylegan2.StyleGenerator`.
        **settings: As ``OptimWrapper`` has them.

    Raises:
        InputError: If the scale is neither, or in training: if steps are skipped for long.

    >>> network = nn.Linear(2, 2)
    >>> wrapper = Float16OptimWrapper(optimizer=torch.optim.Adam(network.parameters()), loss_scale=8.0)
    >>> with wrapper.optim_context(network):
    ...     loss = network(torch.ones(1, 2)).sum()
    >>> loss.dtype, wrapper.loss_scaler.scale(torch.ones(()))
    (torch.float16, tensor(8.))
    """

    def __init__(self, loss_scale: str | float | dict = 'dynamic', autocast: bool = True, **settings):
        OptimWrapper.__init__(self, **settings)  # MMEngine's constructor refuses a machine without a GPU
        self.autocast = autocast
        self.device = self.param_groups[0]['params'][0].device.type
        self.loss_scaler = torch.amp.GradScaler(self.device, **_scaling(loss_scale))
        self._scale_update_param = float(loss_scale) if is_real(loss_scale) else None
        self._stepped, self._skipped = False, 0
        self.optimizer.register_step_post_hook(self._note_step)

    def step(self, **kwargs) -> None:
        """Step, unless gradients are not finite.

        Raises:
            InputError: If that has been so for long.
        """
        self._stepped = False
        super().step(**kwargs)
        self._skipped = 0 if self._stepped else self._skipped + 1
        if not self._skipped:
            return
        print_log(
            f'a step is skipped, as its gradients are not finite in float16: {self._skipped} in a row; the loss scale '
            f'is {self.loss_scaler.get_scale():g} now',
            'current',
        )
        if self._skipped >= _MOST_SKIPPED:
            raise InputError(
                f'training has diverged: {self._skipped} steps in a row were skipped, as their gradients are not '
                'finite at any loss scale; try a lower learning rate, or without float16'
            )

    def _note_step(self, optimizer: torch.optim.Optimizer, *_) -> None:
        overflow = getattr(optimizer, 'found_inf', None)  # a fused optimizer is called, and skips the step by itself
        self._stepped = overflow is None or not overflow.any()

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Within, forward passes of ``model`` run in float16, if there is autocast."""
        with OptimWrapper.optim_context(self, model), torch.autocast(self.device, torch.float16, self.autocast):
            yield


def _scaling(loss_scale: str | float | dict) -> dict:
    """The arguments of PyTorch's scaler."""
    if isinstance(loss_scale, dict):
        return {name: value for name, value in loss_scale.items() if name != '_scope_'}
    if loss_scale == 'dynamic':
        return {}
    if not is_real(loss_scale) or loss_scale <= 0:
        raise InputError(
            f"loss_scale={shown(loss_scale)} cannot work: it must be 'dynamic', a number above 0, or a dict of "
            'arguments of torch.amp.GradScaler'
        )
    return dict(init_scale=float(loss_scale))


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Autocast to bfloat16, on any device. MMEngine's ``AmpOptimWrapper`` needs a GPU.

    bfloat16 has the range of float32, so losses need no scaling. Weights, gradients and the optimizer stay float32.

    >>> network = nn.Linear(2, 2)
    >>> wrapper = BFloat16OptimWrapper(torch.optim.Adam(network.parameters()))
    >>> with wrapper.optim_context(network):
    ...     network(torch.ones(1, 2)).dtype
    torch.bfloat16
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Within, forward passes of ``model`` run in bfloat16."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16):
            yield
