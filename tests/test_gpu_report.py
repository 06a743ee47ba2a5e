"""tools/gpu_report.py runs to its end where there is no GPU, and says what it could not do."""

import re

import pytest
import torch

from mmpe import cli
from mmpe.benchmarks import gpu_report


def run(*arguments):
    cli.main(['gpu-report', '--device', 'cpu', '--quick', *map(str, arguments)])


def test_a_quick_report_is_complete_on_a_cpu(tmp_path):
    out = tmp_path / 'report.md'
    run('--out', out, '--tests', tmp_path / 'none')
    report = out.read_text()
    assert '**Failed**' not in report and '**no**' not in report
    assert '**Not run on a GPU.**' in report and torch.__version__ in report
    sections = re.split(r'^## ', report, flags=re.M)[1:]
    assert len(sections) == 6 and all('|' in section for section in sections[1:])
    training = next(section for section in sections if section.startswith('Training'))
    rows = re.findall(r'^\| (float32|bfloat16|float16, largest resolutions) .* yes ', training, flags=re.M)
    assert rows == ['float32', 'bfloat16', 'float16, largest resolutions']
    samples = next(section for section in sections if section.startswith('Samples'))
    assert samples.count('| 0 |') == samples.count('\n| ') - 1 or ' 0 |' in samples  # the CPU against itself


def test_a_section_that_fails_does_not_end_the_report(tmp_path, monkeypatch):
    def fail(*args):
        raise RuntimeError('no kernel image is available\nfor execution')

    for name in ('_samples', '_precisions', '_stylegan2', '_graphs'):
        monkeypatch.setattr(gpu_report, name, lambda plan: 'done')
    monkeypatch.setattr(gpu_report, '_memory', fail)
    with pytest.raises(SystemExit) as end:
        run('--out', tmp_path / 'report.md', '--tests', tmp_path)
    report = (tmp_path / 'report.md').read_text()
    assert end.value.code == 1
    assert (
        '**Failed**: RuntimeError: no kernel image is available for execution' in report and report.count('done') == 4
    )
    assert 'Not run: there is no folder of GPU tests here.' in report


@pytest.mark.parametrize('limit, found', [(3, '3 passed'), (2, '1 failed, 2 passed')])
def test_gpu_tests_are_run_and_no_others(tmp_path, limit, found):
    program = f"""
import pytest

@pytest.mark.gpu
@pytest.mark.parametrize('i', range(3))
def test_on_a_gpu(i):
    assert i < {limit}

def test_elsewhere():
    assert False
"""
    (tmp_path / 'test_program.py').write_text(program)
    (tmp_path / 'pytest.ini').write_text("[pytest]\naddopts = -q -m 'not gpu'\nmarkers = gpu: needs a GPU\n")
    (tmp_path / 'test_without_a_gpu.py').write_text('import not_installed_on_that_machine')
    if 'failed' in found:
        with pytest.raises(RuntimeError, match=f'pytest ended with 1: {found}'):
            gpu_report._tests(tmp_path)
    else:
        assert gpu_report._tests(tmp_path).startswith(f'`pytest -m gpu`: {found}')


def test_a_report_that_is_stopped_keeps_its_sections(tmp_path, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(gpu_report, '_samples', lambda plan: 'done')
    monkeypatch.setattr(gpu_report, '_precisions', stop)
    with pytest.raises((SystemExit, KeyboardInterrupt)):
        run('--out', tmp_path / 'report.md', '--tests', tmp_path)
    assert 'done' in (tmp_path / 'report.md').read_text()


def test_a_report_on_a_device_that_is_not_there_is_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(['gpu-report', '--device', 'cuda:99', '--out', str(tmp_path / 'report.md')])
    assert end.value.code == 2 and "'cuda:99'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
