"""Training as a GPU would see it, on a device that is pretended: no device mixed up, and little to wait for."""

import pytest
from gpu_runs import RUNS
from pretended_runs import found_by

# At most in an iteration that neither saves, logs, begins a scale nor ends one.
MOST_SYNCHRONIZATIONS = 3
BUSY = dict.fromkeys(RUNS, (0, 4, 6)) | dict.fromkeys(('singan', 'singan_palette'), (0, 3, 4, 5, 7, 8, 11))
OFTEN = ('singan', 'stylegan2', 'dcgan', 'pggan')
SELDOM = ('singan_palette', 'stylegan2_fused')  # take 3 seconds each, and share most of their way with the others
every_run = pytest.mark.parametrize('name', [*OFTEN, *(pytest.param(name, marks=pytest.mark.slow) for name in SELDOM)])


@pytest.fixture
def found():
    return found_by('gpu_runs.py', *OFTEN)


@pytest.fixture
def run(name):
    return found_by('gpu_runs.py', *(OFTEN if name in OFTEN else SELDOM))['runs'][name]


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


@every_run
def test_all_of_a_model_is_trained_on_the_device(run):
    assert run['finite'] and not run['on_cpu']


@every_run
def test_a_run_resumes_to_the_bit(run):
    assert run['different'] == []


@every_run
def test_what_a_seed_stands_for_does_not_depend_on_the_device(run):
    assert run['sampled'] < 1e-5


@every_run
def test_an_iteration_hardly_waits_for_the_device(run, name):
    iterations = run['iterations']
    steady = {number: run['synchronizations'] for number, run in iterations.items() if int(number) not in BUSY[name]}
    assert steady
    for number, synchronizations in steady.items():
        assert sum(synchronizations.values()) <= MOST_SYNCHRONIZATIONS, (number, synchronizations)
