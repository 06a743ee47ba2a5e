"""Where a tool ends: what a config, a file or an option caused is one line and exit code 2, and nothing else is."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmpe import memory
from mmpe.apis import load_config
from mmpe.boundary import boundary
from mmpe.errors import InputError, as_input_error
from mmpe.registry import MODELS

ROOT = Path(__file__).parents[1]


def run(main, capsys):
    with pytest.raises(SystemExit) as ended:
        boundary(main)()
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ('error', 'words'),
    [
        (InputError('two\nlines'), 'two lines'),
        (FileNotFoundError(2, 'No such file or directory', 'x y.png'), 'x y.png'),
        (MemoryError('Unable to allocate 8 TiB'), 'needs more memory'),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), 'needs more memory'),
        (torch.cuda.OutOfMemoryError('CUDA out of memory.'), 'needs more memory'),
        (InputError('the picture \udce9 図'), r'the picture \udce9 図'),
    ],
)
def test_what_the_user_caused_is_one_line(error, words, capsys):
    def main():
        raise error

    code, err = run(main, capsys)
    assert code == 2 and err.startswith('error: ') and words in err and err.count('\n') == 1


@pytest.mark.parametrize('error', [ValueError('x'), AssertionError(), KeyError('x'), RuntimeError('shapes')])
def test_a_fault_of_its_own_keeps_its_traceback(error):
    def main():
        raise error

    with pytest.raises(type(error)):
        boundary(main)()


def test_memory_that_pytorch_cannot_have(capsys):
    code, err = run(lambda: torch.empty(2**60), capsys)
    assert code == 2 and err.startswith('error: it needs more memory') and err.count('\n') == 1


@pytest.mark.parametrize(
    'error', [ZeroDivisionError(), KeyError('a'), SystemExit(0), RecursionError('deep'), IndexError()]
)
def test_whatever_a_config_raises_becomes_one_line(error):
    with (
        pytest.raises(InputError, match='^the config cannot be built: .'),
        as_input_error('the config cannot be built'),
    ):
        raise error


def test_what_a_config_imports_lazily_is_its_own_fault(tmp_path):
    (tmp_path / 'c.py').write_text('import there_is_no_such_module\na = there_is_no_such_module.B\n')
    with pytest.raises(InputError, match='there_is_no_such_module') as refusal:
        load_config(tmp_path / 'c.py')
    assert '\n' not in str(refusal.value) and 'line 1' in str(refusal.value)


def test_ctrl_c_passes():
    with pytest.raises(KeyboardInterrupt), as_input_error('the config cannot be built'):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('a = 1\nb = 1 / 0\n', 'ZeroDivisionError: division by zero'),
        ('import sys\nsys.exit(0)\n', r'it calls exit\(0\)'),
        ('a = 1\nb = __import__("there_is_no_such_module")\n', 'there_is_no_such_module'),
        ('a = 1\ndef f():\n    return f()\nf()\n', 'recursion'),
        ('a = 1\nb = {}["c"]\n', "KeyError: 'c'"),
    ],
)
@pytest.mark.parametrize('inherited', [False, True])
def test_a_config_that_fails_is_named_with_the_line(tmp_path, text, words, inherited):
    (tmp_path / 'broken.py').write_text(text)
    (tmp_path / 'child.py').write_text("_base_ = 'broken.py'\n")
    path = tmp_path / ('child.py' if inherited else 'broken.py')
    with pytest.raises(InputError, match=words) as refusal:
        load_config(path)
    assert str(refusal.value).startswith(str(path)) and '\n' not in str(refusal.value)
    assert f'{tmp_path / "broken.py"}, line ' in str(refusal.value)


@pytest.mark.parametrize('value', ['nan', 'inf', '-inf', '1e999'])
def test_a_number_that_is_not_finite_is_named_by_its_key(tmp_path, value):
    (tmp_path / 'c.py').write_text(f"a = dict(b=[1, dict(c=float('{value}'))])\n")
    with pytest.raises(InputError, match=r'^a\.b\.1\.c='):
        load_config(tmp_path / 'c.py')


def piped(script: str, *flags: str) -> subprocess.CompletedProcess:
    """Run a script whose output nobody reads after its first line."""
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, *flags, '-c', script],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        text=True,
    )
    os.close(writer)
    os.read(reader, 1)
    os.close(reader)
    return process.communicate()[1], process.returncode


def test_a_closed_pipe_ends_quietly():
    """print, MMEngine's logging, and what Python flushes at its end."""
    err, code = piped(
        'import logging, sys\n'
        'from mmpe.boundary import boundary\n'
        '@boundary\n'
        'def main():\n'
        '    logger = logging.getLogger("x")\n'
        '    logger.addHandler(logging.StreamHandler(sys.stdout))\n'
        '    print("first", flush=True)\n'
        '    for i in range(10**6):\n'
        '        logger.warning("line")\n'
        'main()\n'
    )
    assert (code, err) == (141, '')


# ---------------------------------------------------------------- memory

MIB = 2**20


def group(folder: Path, **files) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace('__', '.')).write_text(f'{text}\n')


def test_nested_groups_of_version_2(tmp_path):
    (tmp_path / 'groups').write_text('0::/job/step\n')
    stat = f'anon {MIB}\ninactive_file {30 * MIB}\nactive_file {10 * MIB}'
    group(tmp_path / 'fs', memory__stat=stat)
    group(tmp_path / 'fs/job', memory__max=100 * MIB, memory__current=90 * MIB, memory__stat=stat)
    group(tmp_path / 'fs/job/step', memory__max='max', memory__high=70 * MIB, memory__current=60 * MIB, memory__stat='')
    left = list(memory.of_control_groups(tmp_path / 'groups', tmp_path / 'fs'))
    assert sorted(left) == [10 * MIB, 50 * MIB]  # 70 - 60 of the step; 100 - 90 + 40 of cached files of the job


def test_groups_of_version_1_seen_from_inside_a_container(tmp_path):
    (tmp_path / 'groups').write_text('3:cpu,cpuacct:/docker/ab\n2:memory:/docker/ab\n')
    stat = f'inactive_file 0\ntotal_inactive_file {MIB}\ntotal_active_file {MIB}'
    files = dict(memory__limit_in_bytes=8 * MIB, memory__usage_in_bytes=7 * MIB, memory__stat=stat)
    group(tmp_path / 'fs/memory', **files)  # the container's own group is mounted as the root
    assert list(memory.of_control_groups(tmp_path / 'groups', tmp_path / 'fs')) == [3 * MIB]


def test_another_system_has_no_groups(tmp_path):
    assert list(memory.of_control_groups(tmp_path / 'none', tmp_path)) == []


def test_limits_of_the_process_count():
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 64 * MIB, before[1]))
    try:
        assert 0 < memory.available_memory(torch.device('cpu')) <= 65 * MIB
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize(
    'config',
    [
        dict(type='StyleGenerator', out_size=2**20),
        dict(type='StyleDiscriminator', channel_multiplier=1e9, max_channels=10**7),
        dict(type='StyleGenerator', style_channels=10**7),
        dict(type='ConvGenerator', channels=2**26),
        dict(type='GrowingGenerator', base_channels=10**9, max_channels=10**7),
        dict(type='LearnableGrid', channels=10**9, size=(1000, 1000)),
        dict(type='RandomFourierFeatures', num_features=2**31 - 1),
        dict(type='StyleGenerator', encoding=dict(type='CosineBasis', num_frequencies=46340)),
        dict(type='MSStyleGANv2Generator', out_size=2**20),
        dict(type='StyleGAN2Model', generator=dict(type='StyleGenerator', out_size=2**20)),
    ],
)
def test_a_model_that_memory_cannot_hold_is_refused_before_it_is_made(config, monkeypatch):
    monkeypatch.setattr(memory, 'available_memory', lambda device: 2**30)
    with pytest.raises(InputError, match='(GiB of memory, and 1.0 GiB are available|than can be counted)'):
        MODELS.build(config)


def test_asking_for_memory_leaves_no_trace():
    """Weights and the state of random numbers are those of a model that is just built."""
    config = dict(type='StyleGenerator', out_size=16, style_channels=8, max_channels=4, num_mapping_layers=2)
    torch.manual_seed(1)
    asked = MODELS.build(config)
    state = torch.get_rng_state()
    torch.manual_seed(1)
    plain = type(asked)(**{key: value for key, value in config.items() if key != 'type'})
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(asked.state_dict().values(), plain.state_dict().values()))
