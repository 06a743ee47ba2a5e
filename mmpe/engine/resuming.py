"""What a checkpoint must hold for a run to resume from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor, nn

from mmpe.checkpoints import check_kinds, not_finite
from mmpe.errors import InputError
from mmpe.model_config import check_model_config
from mmpe.models.resumable import ResumableModel, check_entries
from mmpe.registry import MODELS

_ADVICE = 'resume from a whole one, or give it as load_from, without --resume, to start from its weights'


def check_family(model: nn.Module, checkpoint: dict, config: dict | None = None) -> None:
    """Refuse a checkpoint of another family of models, or whose config names anything that is not registered.

    Args:
        model: The model that will load its weights.
        checkpoint: What :func:`~mmpe.checkpoints.read_checkpoint` has read.
        config: The model's config.

    Raises:
        InputError: If the families differ, or the checkpoint's config is not accepted.

    >>> from mmpe.models.singan import SinGANModel
    >>> check_family(SinGANModel(dict(type='mmpe.SinGANGenerator')), dict(meta=dict(model=dict(type='SinGANModel'))))
    """
    saved = checkpoint['meta'].get('model')
    check_model_config(saved, config)
    if saved is None:
        return
    family = getattr(MODELS.module_dict.get(str(saved['type']).removeprefix('mmpe.')), 'family', None)
    own = getattr(model, 'family', None)
    if None not in (family, own) and family != own:
        raise InputError(
            f'the checkpoint is of a {family}, {saved["type"]}, and the config of a {own}, {type(model).__name__}: '
            'they have nothing in common'
        )


def check_parts(checkpoint: dict) -> None:
    """Refuse to resume from a checkpoint that holds nothing but weights.

    Raises:
        InputError: If a part is missing. The message names it.

    >>> check_parts(dict(state_dict={}, meta={}))
    Traceback (most recent call last):
    mmpe.errors.InputError: the checkpoint cannot be resumed: it has no message_hub, no optimizer, no iter in its ...
    """
    missing = sorted({'optimizer', 'message_hub'} - checkpoint.keys())
    missing += [f'{name} in its meta' for name in ('iter', 'epoch') if checkpoint['meta'].get(name) is None]
    if missing:
        raise InputError(f'the checkpoint cannot be resumed: it has no {", no ".join(missing)}; {_ADVICE}')


def check_resumable(model: nn.Module, optim_wrapper: OptimWrapper | OptimWrapperDict, checkpoint: dict) -> None:
    """Refuse to resume from a checkpoint that is incomplete, or of another model or optimizer.

    Args:
        model: The model, without a wrapper.
        optim_wrapper: The optimizers of the model.
        checkpoint: What :func:`~mmpe.checkpoints.read_checkpoint` has read.

    Raises:
        InputError: If something is missing or differs. The message names it.
    """
    check_parts(checkpoint)
    trained = {}
    if isinstance(model, ResumableModel):
        state = plain_state(checkpoint)
        model.check_state(state)
        batches = _batches_per_update(optim_wrapper)
        model.check_progress(state, checkpoint['meta']['iter'], batches)
        if batches == 1:  # in the middle of an update there may be none yet
            trained = model.trained_parameters(state)
    else:
        check_entries(model.state_dict(), plain_state(checkpoint))
    _check_optimizers(model, optim_wrapper, checkpoint['optimizer'], set(trained))


def load_whole(model: nn.Module, checkpoint: dict) -> None:
    """Load all weights of a checkpoint, for validation, tests and sampling.

    Raises:
        InputError: If names, shapes or kinds of tensors differ from the model's.

    >>> model = nn.Linear(2, 1)
    >>> load_whole(model, dict(state_dict={'weight': torch.ones(1, 2), 'bias': torch.zeros(1)}))
    >>> model.weight.tolist()
    [[1.0, 1.0]]
    """
    check_kinds(model.state_dict(), plain_state(checkpoint))
    try:
        model.load_state_dict(plain_state(checkpoint))
    except RuntimeError as error:
        raise InputError(f'it does not fit the model of the config: {" ".join(str(error).split())}') from error


def plain_state(checkpoint: dict) -> dict[str, Tensor]:
    """The state dict of a checkpoint, without the prefix ``module.`` that a model wrapper adds to all names.

    >>> plain_state(dict(state_dict={'module.stage': torch.tensor(3)}))
    {'stage': tensor(3)}
    """
    return {name.removeprefix('module.'): value for name, value in checkpoint['state_dict'].items()}


def _batches_per_update(optim_wrapper: OptimWrapper | OptimWrapperDict) -> int:
    wrappers = optim_wrapper.values() if isinstance(optim_wrapper, OptimWrapperDict) else [optim_wrapper]
    return max(wrapper._accumulative_counts for wrapper in wrappers)


# -------------------------------------------------------------------- optimizers


def _check_optimizers(
    model: nn.Module, optim_wrapper: OptimWrapper | OptimWrapperDict, saved: dict, trained: set[str]
) -> None:
    if isinstance(optim_wrapper, OptimWrapperDict):
        own = dict(optim_wrapper.items())
    else:
        own, saved = dict(optimizer=optim_wrapper), dict(optimizer=saved)
    for name in {**own, **saved}:
        if name not in own:
            raise InputError(f'the checkpoint is of another model than the config: it has an optimizer of {name}')
        if not isinstance(saved.get(name), dict):
            raise InputError(f'the checkpoint cannot be resumed: it has no optimizer of {name}; {_ADVICE}')
    broken = next(not_finite(saved), None)
    if broken:
        raise InputError(f'the checkpoint cannot be resumed: its optimizer.{broken} has values that are not finite')
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for network, wrapper in own.items():
        comparison = _Comparison(network, wrapper.optimizer, saved[network])
        comparison.check(names, trained)
        comparison.check_wrapper(wrapper)


class _Comparison:
    """Compares one network's optimizer with its state in a checkpoint."""

    def __init__(self, network: str, optimizer: torch.optim.Optimizer, saved: dict):
        self.network, self.optimizer = network, optimizer
        self.saved, self.groups, self.state = saved, saved.get('param_groups'), saved.get('state')

    def check(self, names: dict[int, str], trained: set[str]) -> None:
        """Compare settings and states. ``names`` are by ids of parameters; those in ``trained`` must have a state."""
        own = self.optimizer.param_groups
        if not isinstance(self.groups, list) or not isinstance(self.state, dict) or len(self.groups) != len(own):
            raise self._other('has other parts')
        numbers = []
        for group, kept in zip(own, self.groups):
            self._check_settings(group, kept)
            numbers += kept['params']
        if numbers != list(range(len(numbers))) or not self.state.keys() <= set(numbers):
            raise self._other('counts its parameters otherwise')
        needed = _kept_state(self.optimizer)
        for number, parameter in enumerate(p for group in own for p in group['params']):
            name = names.get(id(parameter), str(number))
            if number in self.state:
                self._check_parameter(name, parameter, self.state[number], needed)
            elif needed and name in trained:
                raise InputError(
                    f'the checkpoint cannot be resumed: the optimizer of {self.network} knows nothing of {name}, '
                    f'which has been trained; {_ADVICE}'
                )

    def _check_settings(self, group: dict, kept: Any) -> None:
        if not isinstance(kept, dict) or not isinstance(kept.get('params'), list):
            raise self._other('has other parts')
        if len(kept['params']) != len(group['params']):
            raise self._other(f'has {len(kept["params"])} parameters, not {len(group["params"])}')
        try:
            missing = sorted(group.keys() - _completed(self.optimizer, kept).keys() - {'initial_lr'})
        except (TypeError, ValueError, KeyError, RuntimeError) as error:
            raise self._other('has settings that it cannot take') from error
        if missing:
            raise self._other(f'has no {", ".join(missing)}')
        for name in group.keys() & kept.keys() - {'params'}:
            if not _alike(group[name], kept[name]):
                raise self._other(f'has {name}={str(kept[name])[:40]}, which is not a valid setting')

    def _check_parameter(self, name: str, parameter: Tensor, state: Any, needed: dict[str, bool]) -> None:
        state = state if isinstance(state, dict) else {}
        missing = sorted(needed.keys() - state.keys())
        if missing:
            raise self._other(f'has no {", ".join(missing)} of {name}')
        for key, of_its_shape in needed.items():
            value = state[key]
            if of_its_shape and not (isinstance(value, Tensor) and value.shape == parameter.shape):
                raise self._other(f'has a {key} of {name} of another shape')
            if not of_its_shape and not (isinstance(value, Real) or (isinstance(value, Tensor) and value.numel() == 1)):
                raise self._other(f'has a {key} of {name} that is not a number')
            if key == 'step' and value < 0:
                raise self._other(f'has a step of {name} below 0')

    def check_wrapper(self, wrapper: OptimWrapper) -> None:
        """Compare what mixed precision keeps beside the optimizer."""
        scaler, kept = getattr(wrapper, 'loss_scaler', None), self.saved.get('loss_scaler', {})
        if not isinstance(kept, dict) or (kept and scaler is not None and scaler.state_dict().keys() - kept.keys()):
            raise self._other('has another loss_scaler')

    def _other(self, how: str) -> InputError:
        return InputError(
            f'the checkpoint is of another optimizer than the config: that of {self.network} {how}; resume with the '
            'one that it was trained with'
        )


def _alike(own: Any, kept: Any) -> bool:
    """Whether two settings are of the same kind: numbers, equally many numbers, or neither."""
    if isinstance(own, (list, tuple)):
        return isinstance(kept, (list, tuple)) and len(own) == len(kept) and all(map(_alike, own, kept))
    if isinstance(own, Real):
        return isinstance(kept, Real) and math.isfinite(kept)
    return not isinstance(kept, (str, Mapping, list, tuple))


def _completed(optimizer: torch.optim.Optimizer, settings: dict) -> dict:
    """Saved settings, completed by those of the optimizer: an older PyTorch has saved fewer."""
    twin = _twin(optimizer)
    if twin is None:
        return settings
    twin.load_state_dict(dict(state={}, param_groups=[dict(settings, params=[0])]))
    return twin.param_groups[0]


def _kept_state(optimizer: torch.optim.Optimizer) -> dict[str, bool]:
    """The states that an optimizer keeps per parameter, and whether each has the parameter's shape.

    They are found by a step of another optimizer of this kind, with these settings.
    """
    twin = _twin(optimizer)
    if twin is None:
        return {}
    (probe,) = twin.param_groups[0]['params']
    probe.grad = torch.zeros_like(probe)
    twin.step()
    kept = {name: value for name, value in twin.state[probe].items() if value is not None}
    return {name: isinstance(value, Tensor) and value.shape == probe.shape for name, value in kept.items()}


def _twin(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer | None:
    """Another optimizer of this kind, with one small parameter. None, if it is not built as PyTorch's own are."""
    settings = {name: value for name, value in optimizer.param_groups[0].items() if name != 'params'}
    try:
        twin = type(optimizer)([dict(settings, params=[nn.Parameter(torch.zeros(2, 3))])], lr=settings.get('lr', 0))
    except (TypeError, ValueError, RuntimeError):
        return None
    return None if isinstance(twin, torch.optim.LBFGS) else twin  # it steps by a function
