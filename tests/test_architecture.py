"""The floors that ARCHITECTURE.md draws, against the imports."""

import re
import subprocess
import sys
import tomllib

import pytest
from singan_runs import REPOSITORY

CONFIG = REPOSITORY / 'pyproject.toml'


@pytest.fixture(scope='module')
def floors():
    (contract,) = tomllib.loads(CONFIG.read_text())['tool']['importlinter']['contracts']
    return [set(layer.split(' | ')) for layer in contract['layers']]


LINT = 'from importlinter.cli import lint_imports_command; lint_imports_command()'


def test_no_part_imports_one_above():
    """In a process of its own: import-linter disables the loggers that it finds."""
    command = [sys.executable, '-c', LINT, '--config', CONFIG, '--no-cache']
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '1 kept, 0 broken' in done.stdout


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
