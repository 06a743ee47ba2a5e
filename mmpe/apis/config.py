"""Reading configs, and telling a config's mistakes from the program's."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config

from mmpe.errors import InputError


@contextmanager
def one_clear_line(what: str):
    """Turn the errors that a wrong config causes while things are built from it into one :class:`InputError`."""
    try:
        yield
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, AssertionError, ImportError) as error:
        reason = error.args[0] if isinstance(error, KeyError) and error.args else error
        raise InputError(f'{what}: {" ".join(str(reason).split())}') from error


def load_config(path: str | Path, options: dict | None = None) -> Config:
    """Read a config file and merge ``options`` (dotted keys) into it.

    Raises:
        InputError: If there is no such file, it cannot be read, or an option does not fit it.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'there is no config at {path}')
    try:
        config = Config.fromfile(path)
    except Exception as error:  # a config is a program, and can fail in any way
        raise InputError(f'{path} cannot be read as a config: {" ".join(str(error).split())}') from error
    with one_clear_line('--cfg-options'):
        config.merge_from_dict(options or {})
    return config
