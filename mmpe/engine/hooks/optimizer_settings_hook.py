"""The optimizers' settings of a resumed run are those of its config."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner

from mmpe.errors import InputError
from mmpe.registry import HOOKS

_HIGHEST_RATE = 1e30  # times a step's bias correction it is still a number of float32


@HOOKS.register_module()
class OptimizerSettingsHook(Hook):
    """Replaces learning rates, betas and other settings in a resumed checkpoint by those of the config.

    MMEngine resumes with the checkpoint's settings, so a config with a lower rate would have no effect. Every change is
    logged. A schedule of the learning rate goes on from where it was, scaled to the new rate.

    In a config:

    >>> custom_hooks = [dict(type='mmpe.OptimizerSettingsHook')]
    >>> type(HOOKS.build(custom_hooks[0])).__name__
    'OptimizerSettingsHook'
    """

    priority = 'VERY_LOW'  # after those that refuse checkpoints

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Change the settings before MMEngine loads them.

        Raises:
            InputError: If the checkpoint and the config have different numbers of schedules.
        """
        if not runner._resume or 'optimizer' not in checkpoint:
            return
        schedules = _by_network(runner.param_schedulers or [])
        saved_schedules = _by_network(checkpoint.get('param_schedulers') or [])
        self._check_schedules(runner, schedules, saved_schedules)
        for name, wrapper in _wrappers(runner.optim_wrapper).items():
            saved = checkpoint['optimizer'][name] if name else checkpoint['optimizer']
            states = saved_schedules.get(name, [])
            for number, (group, own) in enumerate(zip(_groups(saved), wrapper.param_groups)):
                if bool(states) != bool(schedules.get(name)):
                    _begin_anew(group, own)
                for change in _take_over(group, own, [state for state in states if _is_of(state, number)], number):
                    runner.logger.info(f'{name or "the optimizer"}: {change}')

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Check the learning rates that the iteration trains with.

        Raises:
            InputError: If a schedule has led to a rate that is negative, or too large to take a step with.
        """
        for name, wrapper in _wrappers(runner.optim_wrapper).items():
            for group in wrapper.param_groups:
                if not 0 <= group['lr'] <= _HIGHEST_RATE:
                    raise InputError(
                        f'the learning rate{f" of {name}" if name else ""} is {group["lr"]} at iteration '
                        f'{runner.iter + 1}: it must be from 0 to {_HIGHEST_RATE:g}; change param_scheduler'
                    )

    def _check_schedules(self, runner: Runner, schedules: dict, saved: dict) -> None:
        for name in schedules:
            here, there = len(schedules[name]), len(saved.get(name, []))
            of = f' of {name}' if name else ''
            if here and not there:
                runner.logger.warning(f'the checkpoint has no param_scheduler{of}: those of the config begin now')
            elif here and here != there:
                raise InputError(
                    f'the checkpoint was trained with {there} param_schedulers{of} and the config has {here}: resume '
                    'with as many, or start from its weights with load_from, without --resume'
                )
        for name in saved:
            if saved[name] and not schedules.get(name):
                runner.logger.info(f"{name or 'the optimizer'}: no param_scheduler any more, the rate is the config's")


def _by_network(schedulers: list | dict) -> dict[str, list]:
    return schedulers if isinstance(schedulers, dict) else {'': schedulers}


def _wrappers(optim_wrapper: OptimWrapper) -> dict[str, OptimWrapper]:
    return dict(optim_wrapper.items()) if isinstance(optim_wrapper, OptimWrapperDict) else {'': optim_wrapper}


def _groups(state: dict) -> list[dict]:
    """As MMEngine counts them: what it logs as the base learning rate is a group too, the last one."""
    base = state.get('base_param_settings')
    return [*state['param_groups'], *([base] if base else [])]


def _is_of(state: dict, number: int) -> bool:
    return number < len(state.get('base_values', ()))


def _begin_anew(group: dict, own: dict) -> None:
    """Set what schedules change as it is in a new run, whose schedules have set their first values already."""
    for name in [name for name in group if name.startswith('initial_')] + [n for n in own if n.startswith('initial_')]:
        value = name.removeprefix('initial_')
        group[value] = own[value]
        group[name] = own.get(name, own[value])
    if 'lr_factor' in group:  # of a model that multiplies the rate, too
        group['lr_factor'] = 1


def _take_over(group: dict, own: dict, states: list[dict], number: int) -> Iterator[str]:
    """Give a saved group the settings of the config's; says in words what has changed."""
    for name in own.keys() - {'params', 'lr_factor'}:
        if name.startswith('initial_') or name not in group:
            continue
        start, old = f'initial_{name}', group.get(f'initial_{name}', group[name])
        new = own.get(start, own[name])
        if _alike(old, new):
            continue
        yield f'{name} is {new} as the config says; the checkpoint was trained with {old}'
        on_schedule = isinstance(old, float) and old and group[name] != old
        group[name] = group[name] * (new / old) if on_schedule else new
        if start in group:
            group[start] = new
        for state in states:
            if state.get('param_name') == name:
                state['base_values'][number] = new


def _alike(one: Any, other: Any) -> bool:
    """Whether two settings are the same; betas may be a list in one place and a tuple in the other."""
    return (list(one) if isinstance(one, tuple) else one) == (list(other) if isinstance(other, tuple) else other)
