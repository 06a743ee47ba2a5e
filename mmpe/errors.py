"""The one exception that the command line turns into a line of text and exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InputError(ValueError):
    """What the user gave cannot be used: a path, a picture, a size, a config. The message says what to do about it."""


@contextmanager
def naming(file: str | Path) -> Iterator[None]:
    """Within, an :class:`InputError` says of which file it is."""
    try:
        yield
    except InputError as error:
        raise InputError(f'{file}: {error}') from error
