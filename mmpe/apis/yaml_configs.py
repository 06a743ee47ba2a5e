"""YAML configs are data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import yaml
from mmengine.fileio.handlers import YamlHandler, file_handlers


class _PlainLoader(yaml.SafeLoader):
    """Knows tuples beside YAML's own types: MMEngine writes those of a config as ``!!python/tuple``."""


_PlainLoader.add_constructor(
    'tag:yaml.org,2002:python/tuple', lambda loader, node: tuple(loader.construct_sequence(node, deep=True))
)


class _PlainHandler(YamlHandler):
    def load_from_fileobj(self, file, **kwargs):
        return yaml.load(file, Loader=_PlainLoader)


@contextmanager
def plain_yaml() -> Iterator[None]:
    """Within, MMEngine reads YAML without building Python's objects, which its own loader does for a file that asks."""
    before = {name: file_handlers[name] for name in ('yaml', 'yml')}
    file_handlers.update(dict.fromkeys(before, _PlainHandler()))
    try:
        yield
    finally:
        file_handlers.update(before)
