"""The examples of docstrings run, and give what they say."""

from __future__ import annotations

import doctest
import inspect
import pkgutil
from importlib import import_module

import pytest

import mmpe

MODULES = [
    module.name for module in pkgutil.walk_packages(mmpe.__path__, 'mmpe.') if not module.name.endswith('__main__')
]
# Every function and class that these export has an example. A package that has them all is added here.
WITH_EXAMPLES = [
    *('apis', 'datasets', 'editing', 'engine', 'engine.hooks', 'visualization'),
    *(f'models.{name}' for name in ('dcgan', 'encodings', 'layers', 'pggan', 'stylegan2')),
]
# Classes that only hold what a function finds are shown by that function's example.
FUNCTIONS_WITH_EXAMPLES = [
    'analysis',
    'claims',
    'evaluation',
    'gallery',
    'models.losses',
    'models.padding',
    'models.singan',
]
TAKES_MINUTES = {'make_gallery'}
EXPORTED = [
    (package, name)
    for package in WITH_EXAMPLES + FUNCTIONS_WITH_EXAMPLES
    for name in import_module(f'mmpe.{package}').__all__
    if inspect.isroutine(part := getattr(import_module(f'mmpe.{package}'), name))
    or (inspect.isclass(part) and package in WITH_EXAMPLES)
    if name not in TAKES_MINUTES
]


@pytest.mark.parametrize('name', MODULES)
def test_the_examples_of_a_module_give_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(
        import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS, report=True
    )
    assert not found.failed


@pytest.mark.parametrize('package, name', EXPORTED)
def test_what_a_package_exports_has_an_example(package, name):
    assert '>>>' in (getattr(import_module(f'mmpe.{package}'), name).__doc__ or '')
