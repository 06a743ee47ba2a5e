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
