"""Checks of the schedules that a config names in ``param_scheduler``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from mmpe.errors import InputError
from mmpe.numbers import check_numbers, check_whole, is_real, shown
from mmpe.registry import PARAM_SCHEDULERS

_WORDS = {'type', '_scope_', 'param_name', 'anneal_strategy', 'monitor', 'rule', 'threshold_rule'}
_OF_STEPS = ('milestones', 'periods')
_PERIODS = {'step_size', 'T_max', 'total_steps'}


def check_schedules(schedules: Any, where: str = 'param_scheduler') -> None:
    """Refuse schedules that MMEngine would accept, and not follow.

    MMEngine compares milestones with the number of a step, so a milestone that is a text or a fraction never comes.

    Args:
        schedules: One schedule, a list, or a dict of either by the names of networks. Schedules that are built already
            are not checked.
        where: How a message names the schedules.

    Raises:
        InputError: If a number is given as text, or a number of steps as a fraction.

    >>> check_schedules([dict(type='MultiStepLR', milestones=[10, 20])])
    >>> check_schedules([dict(type='MultiStepLR', milestones=['10'])])
    Traceback (most recent call last):
    mmpe.errors.InputError: param_scheduler.0.milestones.0='10' cannot work: it must be a number
    """
    if isinstance(schedules, Mapping) and 'type' in schedules:
        if _is_of_mmengine(schedules['type']):
            _check(schedules, where)
    elif isinstance(schedules, Mapping) or _is_list(schedules):
        for name, schedule in _items(schedules):
            check_schedules(schedule, f'{where}.{name}')


def _check(schedule: Mapping, where: str) -> None:
    for name, value in schedule.items():
        if name not in _WORDS:
            _refuse_text(value, f'{where}.{name}')
        if name in _OF_STEPS and value is not None:
            check_numbers(partial(_check_steps, 0), **{f'{where}.{name}': value})
    for name in schedule.keys() & _PERIODS:
        if schedule[name] is not None:
            _check_steps(1, **{f'{where}.{name}': schedule[name]})


def _check_steps(least: int, **number) -> None:
    (value,) = number.values()
    if not (is_real(value, least) and value == int(value)):  # 1e5 is as good as 100000
        check_whole(least, **number)


def _refuse_text(value: Any, where: str) -> None:
    if isinstance(value, (str, bytes)):
        raise InputError(f'{where}={shown(value)} cannot work: it must be a number')
    if isinstance(value, Mapping) or _is_list(value):
        for name, part in _items(value):
            _refuse_text(part, f'{where}.{name}')


def _is_of_mmengine(kind: Any) -> bool:
    kind = PARAM_SCHEDULERS.get(kind) if isinstance(kind, str) else kind
    return getattr(kind, '__module__', '').startswith('mmengine.')


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _items(values: Mapping | Sequence):
    return values.items() if isinstance(values, Mapping) else enumerate(values)
