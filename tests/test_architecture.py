"""The floors that ARCHITECTURE.md draws, against the imports."""

import re
import tomllib

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports
from singan_runs import REPOSITORY

CONFIG = REPOSITORY / 'pyproject.toml'


@pytest.fixture(scope='module')
def floors():
    (contract,) = tomllib.loads(CONFIG.read_text())['tool']['importlinter']['contracts']
    return [set(layer.split(' | ')) for layer in contract['layers']]


def test_no_part_imports_one_above(monkeypatch, capsys):
    monkeypatch.chdir(REPOSITORY)
    assert lint_imports(config_filename=str(CONFIG), no_cache=True) == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_every_part_has_a_floor(floors):
    parts = {path.stem for path in (REPOSITORY / 'mmpe').iterdir() if path.suffix == '.py' or path.is_dir()}
    parts -= {'__init__', '__pycache__', '.mim'}
    assert set().union(*floors) == parts


def test_the_page_names_every_part(floors):
    page = (REPOSITORY / 'ARCHITECTURE.md').read_text()
    drawing = re.search(r'```\n(.*?)```', page, re.S)[1]
    named = set(re.findall(r'\w+', drawing))
    assert set().union(*floors) - {'__main__', 'utils', 'version'} <= named


def test_the_page_names_nothing_that_is_not_there():
    page = (REPOSITORY / 'ARCHITECTURE.md').read_text()
    paths = re.findall(r'`((?:mmpe|models|evaluation|claims|editing|cli|analysis|tests)/[\w/.]*)', page)
    assert len(paths) > 10
    for path in paths:
        assert (REPOSITORY / path).exists() or (REPOSITORY / 'mmpe' / path).exists(), path
