"""Released arguments that mmpe has no counterpart for."""

from __future__ import annotations

from mmpe.errors import InputError


def only_defaults(given: dict, defaults: dict) -> None:
    """Accept released arguments at their released defaults, and nothing else.

    Raises:
        InputError: If one has another value or is unknown; the message names it.
    """
    for name, value in given.items():
        if name not in defaults:
            raise InputError(f'{name}={value!r}: mmpe has no such option')
        if value != defaults[name]:
            raise InputError(f'{name}={value!r} is not supported: mmpe has only {name}={defaults[name]!r}')


def group_size(group_size: int = 4, channel_groups: int = 1, **others) -> int:
    """Images a group of the minibatch standard deviation, of released arguments of that layer.

    Raises:
        InputError: If one of the others has not its released default.
    """
    given = dict(others, channel_groups=channel_groups)
    only_defaults(given, dict(channel_groups=1, sync_std=False, sync_groups=None, eps=1e-8))
    return group_size
