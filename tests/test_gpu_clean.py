"""Training as a GPU would see it, on a device that is pretended: no device mixed up, and little to wait for."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gpu_runs import RUNS

# At most in an iteration that neither saves, logs, begins a scale nor ends one.
MOST_SYNCHRONIZATIONS = 3
BUSY = dict.fromkeys(RUNS, (0, 4, 6)) | dict(singan=(0, 3, 4, 5, 7, 8, 11))


@pytest.fixture(scope='module')
def found(tmp_path_factory):
    if shutil.which('g++') is None:
        pytest.skip('the pretended device is compiled by g++')
    folder = tmp_path_factory.mktemp('gpu')
    command = [sys.executable, Path(__file__).with_name('gpu_runs.py'), folder]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return json.loads((folder / 'found.json').read_text())


def test_the_device_refuses_what_cuda_refuses(found):
    assert found['refusals'] == ['add', 'cat', 'cpu_generator', 'numpy']


def test_the_device_counts_what_cuda_waits_for(found):
    assert found['synchronizations'] == dict(
        add={},
        copy={'host to device': 1},
        copy_non_blocking={'host to device': 1},  # from memory that is not pinned
        copy_of_pinned={'host to device': 1},
        copy_of_pinned_non_blocking={},
        copy_into={'host to device': 1},
        copy_back={'device to host': 1},
        decide={'number read': 1},
        mask={'shape depends on data': 1},
        read={'number read': 1},
    )


@pytest.mark.parametrize('name', RUNS)
def test_all_of_a_model_is_trained_on_the_device(found, name):
    run = found['runs'][name]
    assert run['finite'] and not run['on_cpu']


@pytest.mark.parametrize('name', RUNS)
def test_a_run_resumes_to_the_bit(found, name):
    assert found['runs'][name]['different'] == []


@pytest.mark.parametrize('name', RUNS)
def test_what_a_seed_stands_for_does_not_depend_on_the_device(found, name):
    assert found['runs'][name]['sampled'] < 1e-5


@pytest.mark.parametrize('name', RUNS)
def test_an_iteration_hardly_waits_for_the_device(found, name):
    iterations = found['runs'][name]['iterations']
    steady = {number: run['synchronizations'] for number, run in iterations.items() if int(number) not in BUSY[name]}
    assert steady
    for number, synchronizations in steady.items():
        assert sum(synchronizations.values()) <= MOST_SYNCHRONIZATIONS, (number, synchronizations)
