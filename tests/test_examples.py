"""The examples of docstrings run, and give what they say; all that packages export has one."""

from __future__ import annotations

import doctest
import inspect
import pkgutil
import re
from importlib import import_module
from types import ModuleType

import pytest

import mmpe

MODULES = [
    module.name for module in pkgutil.walk_packages(mmpe.__path__, 'mmpe.') if not module.name.endswith('__main__')
]
EXPORTED = [
    (name, part)
    for name in MODULES
    if '._' not in name
    for part in getattr(import_module(name), '__all__', ())
    if inspect.isroutine(found := getattr(import_module(name), part)) or inspect.isclass(found)
]
WITHOUT_EXAMPLE = {
    'make_gallery': 'it takes minutes',
    'SinGANSampler': 'SinGANModel, which is one, has the example',
}
MADE_BY = re.compile(r'What :func:`(\w+)` (found|gives)\b')


@pytest.mark.parametrize('name', MODULES)
def test_the_examples_of_a_module_give_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(
        import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS, report=True
    )
    assert not found.failed


@pytest.mark.parametrize('module, part', EXPORTED)
def test_what_a_package_exports_has_an_example(module, part):
    assert has_example(import_module(module), part) != (part in WITHOUT_EXAMPLE)


def has_example(module: ModuleType, part: str) -> bool:
    """Whether it has an example, or is the result of a function whose example shows it."""
    page = getattr(module, part).__doc__ or ''
    maker = MADE_BY.match(page)
    return '>>>' in (getattr(module, maker[1]).__doc__ if maker else page)
