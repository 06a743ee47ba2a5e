"""Reading the file of a config. A YAML config is data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import yaml
from mmengine.config import Config
from mmengine.fileio.handlers import YamlHandler, file_handlers

from mmpe.errors import InputError, as_input_error


def read_config(name: str | Path) -> Config:
    """Read a config as its file has it.

    Args:
        name: A path, or ``PACKAGE::NAME`` for a config of an installed package.

    Raises:
        InputError: If the file does not exist, or cannot be read.

    >>> read_config('mmpe::singan/singan_fish.py').model.type
    'SinGANModel'
    """
    path = find_config_file(name)
    with as_input_error(f'{path} cannot be read as a config'), plain_yaml():
        return Config.fromfile(path)


def find_config_file(name: str | Path) -> Path:
    """The path of a config's file.

    Args:
        name: A path, or ``PACKAGE::NAME`` for a config of an installed package.

    Raises:
        InputError: If the file does not exist.

    >>> find_config_file('mmpe::singan/singan_fish.py').name
    'singan_fish.py'
    """
    path = Path(name)
    if '::' in str(name) and not path.is_file():
        try:
            path = Path(Config._get_cfg_path(str(name), '')[0])
        except Exception as error:  # MMEngine's says of each reason something else
            raise InputError(f'there is no config {name} in an installed package') from error
    if not path.is_file():
        raise InputError(f'there is no config at {name}')
    return path


class _PlainLoader(yaml.SafeLoader):
    """Knows tuples beside YAML's own types: MMEngine writes those of a config as ``!!python/tuple``."""


_PlainLoader.add_constructor(
    'tag:yaml.org,2002:python/tuple', lambda loader, node: tuple(loader.construct_sequence(node, deep=True))
)


class _PlainHandler(YamlHandler):
    def load_from_fileobj(self, file: TextIO, **kwargs) -> Any:
        return yaml.load(file, Loader=_PlainLoader)


@contextmanager
def plain_yaml() -> Iterator[None]:
    """Within, MMEngine reads YAML as data. Its own loader builds any Python object that a file asks for.

    >>> import mmengine
    >>> Path('a.yml').write_text('sizes: [256, 512]')
    17
    >>> with plain_yaml():
    ...     mmengine.load('a.yml')
    {'sizes': [256, 512]}
    """
    before = {name: file_handlers[name] for name in ('yaml', 'yml')}
    file_handlers.update(dict.fromkeys(before, _PlainHandler()))
    try:
        yield
    finally:
        file_handlers.update(before)
