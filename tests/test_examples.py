"""The examples of docstrings run, and give what they say."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import mmpe

MODULES = [
    module.name for module in pkgutil.walk_packages(mmpe.__path__, 'mmpe.') if not module.name.endswith('__main__')
]


@pytest.mark.parametrize('name', MODULES)
def test_the_examples_of_a_module_give_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(
        import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS, report=True
    )
    assert not found.failed
