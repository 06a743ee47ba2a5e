"""The command ``mmpe``, for those who have a wheel and no clone: the same code as tools/."""

import configparser
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from singan_runs import REPOSITORY, tiny_config

import mmpe
from mmpe import cli

TOOLS = sorted((REPOSITORY / 'tools').glob('*.py'))
SHARED = {'from_signatures', 'options', 'run_config'}
NAMES = {'convert_checkpoint': 'convert'}


def called(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, '-m', 'mmpe', *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, COLUMNS='200'))


@pytest.fixture(scope='module')
def page():
    return called('--help').stdout


@pytest.mark.parametrize('tool', TOOLS, ids=lambda tool: tool.name)
def test_every_tool_is_a_command(tool, page):
    name = NAMES.get(tool.stem, tool.stem)
    main = runpy.run_path(str(tool))['main']
    assert main.__module__ == f'mmpe.cli.{name}'
    (line,) = [line for line in page.splitlines() if line.startswith(f'│ {name.replace("_", "-")} ')]
    assert line.rstrip(' │').endswith('.') and len(line.split()) > 3  # a sentence


def test_every_module_but_the_shared_ones_is_a_command():
    modules = {path.stem for path in Path(cli.__file__).parent.glob('[!_]*.py')} - SHARED
    assert modules == {name.replace('-', '_') for name in cli.COMMANDS}


@pytest.mark.parametrize('command', cli.COMMANDS)
def test_help_says_how_the_command_was_called(command, monkeypatch, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([command, '--help'])
    page = capsys.readouterr().out
    assert end.value.code == 0
    assert page.lower().startswith(f'usage: mmpe {command} ') and f'example:\n  mmpe {command} ' in page


def test_help_of_a_task_says_how_it_was_called(capsys):
    with pytest.raises(SystemExit):
        cli.main(['edit', 'move', '--help'])
    assert 'example:\n  mmpe edit move ' in capsys.readouterr().out


@pytest.fixture(autouse=True)
def arguments_given_back(monkeypatch):
    monkeypatch.setattr(sys, 'argv', list(sys.argv))


@pytest.mark.parametrize(
    'arguments',
    [[], ['trian'], ['run-config'], ['sample'], ['sample', '--nope'], ['edit'], ['edit', 'nope', 'x.pth'], ['', '']],
)
def test_a_wrong_call_is_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('error: ') and line.endswith(' --help')


def test_a_start_does_not_wait_for_what_few_calls_need():
    """These take half a second; ``import scipy`` alone imports its parts when they are used, and scikit-image too."""
    heavy = (
        'scipy.' + part for part in ('cluster', 'interpolate', 'ndimage', 'optimize', 'signal', 'spatial', 'stats')
    )
    program = 'import sys, mmpe.cli.edit, mmpe.cli.sample, mmpe.cli.train; print(*sys.modules)'
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True)
    assert not {*heavy, 'matplotlib', 'skimage.filters', 'skimage.morphology'} & {*done.stdout.split()}


def test_version():
    assert called('--version').stdout == f'mmpe {mmpe.__version__}\n'


def test_the_wheel_has_the_command(wheel_site):
    (file,) = wheel_site.glob('mmpe-*.dist-info/entry_points.txt')
    points = configparser.ConfigParser()
    points.read(file)
    assert points['console_scripts']['mmpe'] == 'mmpe.cli:main'


def test_train_sample_and_edit(tmp_path, monkeypatch):
    cfg = tiny_config(tmp_path / 'made', iters_per_scale=1)
    cfg.dump(tmp_path / 'mine.py')
    monkeypatch.chdir(tmp_path)
    cli.main(['train', 'mine.py', '--work-dir', 'work', '--cfg-options', 'experiment_name=of_the_command'])
    (last,) = {path.read_text() for path in Path('work').glob('last_checkpoint')}
    cli.main(['sample', last, '--num', '1', '--size', '24x40', '--out', 'samples'])
    assert Path('samples/sample_000.png').is_file()
    cli.main(['edit', 'mirror', last, '--num', '1', '--box', '4,4,8,8', '--out', 'edited'])
    assert Path('edited/edited_000.png').is_file()
