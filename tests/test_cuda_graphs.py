"""CUDA graphs of a SinGAN's training, on the pretended device: what is replayed is what would have been computed."""

from types import SimpleNamespace

import pytest
import torch
from classic_runs import tiny_config as classic_config
from cuda_graph_runs import RUNS
from pretended_runs import found_by
from singan_runs import CSG, REPOSITORY, run, tiny_config

from mmpe import cli
from mmpe.apis import train
from mmpe.engine.cuda_graphs import check_graphs
from mmpe.engine.optim import PerNetworkOptimWrapperConstructor
from mmpe.errors import InputError
from mmpe.registry import MODELS

REPLAYED = {15 * scale + step for scale in range(3) for step in range(8, 14)} - {40}  # which saves
every_run = pytest.mark.parametrize(
    'name', ['csg', *(pytest.param(name, marks=pytest.mark.slow) for name in RUNS if name != 'csg')]
)


@pytest.fixture
def found_run(name):
    return found_by('cuda_graph_runs.py', name)['runs'][name]


def test_a_pretended_graph_does_nothing_when_captured_and_all_of_it_when_replayed():
    total_then, garbage, total, doubled = found_by('cuda_graph_runs.py', 'csg')['semantics']
    assert total_then == [0, 0, 0] and garbage
    assert total == [2 + 10] * 3 and doubled == [10] * 3


def test_a_capture_refuses_what_cuda_refuses():
    for name, (ran, said) in found_by('cuda_graph_runs.py', 'csg')['refusals'].items():
        assert ran == 3 and said.startswith('cuda_graphs=True cannot work, as PyTorch cannot capture a step'), name
        assert said.endswith('; leave it out') and '\n' not in said


@every_run
def test_training_with_graphs_is_training_without_to_the_bit(found_run, name):
    if name == 'fused':  # it computes with a rate of 64 bits, and a tensor has 32
        assert found_run['apart'] < 0.02
    else:
        assert found_run['different'] == [] and found_run['different_losses'] == []


@every_run
def test_a_run_with_graphs_resumes_to_the_bit(found_run):
    assert found_run['different_resumed'] == []


@every_run
def test_a_run_with_graphs_resumes_without_them(found_run):
    """Up to rounding: Adam that can be captured corrects its bias in another order."""
    assert found_run['without'] < 0.02
    assert found_run['saved'] == dict(lr=0.0005, capturable=False)


@every_run
def test_a_scale_has_a_graph_before_its_normalization_is_frozen_and_one_after(found_run, name):
    if name == 'palette':  # one of its losses is due every other time, so there is not the time for a graph before
        assert list(found_run['graphs'].values()) == [3, 2] * 3
    else:
        assert list(found_run['graphs'].values()) == [1, 8] * 3


def test_a_replay_launches_noise_alone_and_waits_for_the_losses_alone():
    run = found_by('cuda_graph_runs.py', 'csg')['runs']['csg']
    for number in map(str, REPLAYED):
        assert run['asked'][number]['kernels'] < run['asked_plain'][number]['kernels'] / 3, number
        assert run['asked'][number]['synchronizations'] == 1, number


# ---------------------------------------------------------------- where it cannot work


@pytest.mark.parametrize('value', ['yes', 2, dict(warm_ups=3)])
def test_a_value_that_is_not_valid_is_refused(tmp_path, value):
    with pytest.raises(InputError, match='^cuda_graphs=.*must be True or False'):
        train(tiny_config(tmp_path / 'run', launcher='none', cuda_graphs=value))


def test_compilation_beside_it_is_refused(tmp_path):
    with pytest.raises(InputError, match='^cuda_graphs=True does not go with compile'):
        run(tiny_config(tmp_path, cuda_graphs=True, compile=True))


def test_a_cpu_is_refused(tmp_path):
    with pytest.raises(InputError, match='^cuda_graphs=True needs a GPU, and this run trains on cpu'):
        run(tiny_config(tmp_path, cuda_graphs=True))


def test_the_tool_refuses_a_cpu_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(['train', str(CSG), '--cuda-graphs', '--work-dir', str(tmp_path / 'run')])
    assert end.value.code == 2
    assert 'cuda_graphs=True needs a GPU' in capsys.readouterr().err.strip().splitlines()[-1]


def test_another_family_is_refused(tmp_path):
    dcgan = dict(generator=dict(out_size=16, channels=8), discriminator=dict(in_size=16, channels=4))
    config = classic_config(tmp_path, REPOSITORY / 'configs/dcgan/dcgan_quickstart.py', dcgan, 1, cuda_graphs=True)
    with pytest.raises(InputError, match='^cuda_graphs=True is for a SinGANModel.*not for a DCGANModel'):
        run(config)


@pytest.mark.parametrize(
    'changes, said',
    [
        (dict(type='mmpe.Float16OptimWrapper'), 'type=Float16OptimWrapper.*--amp-dtype bfloat16'),
        (dict(clip_grad=dict(max_norm=1.0)), 'clip_grad'),
        (dict(clip_grad=dict(type='value', clip_value=0.1)), 'clip_grad'),
        (dict(optimizer=dict(type='SGD', lr=0.1)), 'optimizer.type=SGD.*take Adam'),
    ],
)
@pytest.mark.parametrize('network', ['generator', 'discriminator'])
def test_optimizers_that_cannot_be_captured_are_refused(monkeypatch, network, changes, said):
    model = MODELS.build(
        dict(
            type='SinGANModel',
            generator=dict(type='SinGANGenerator', num_scales=1, base_channels=4),
            discriminator=dict(type='SinGANDiscriminator', num_scales=1, base_channels=4),
        )
    )
    adam = dict(optimizer=dict(type='Adam', lr=0.1))
    configs = dict(generator=adam, discriminator=adam) | {network: adam | changes}
    built = PerNetworkOptimWrapperConstructor(configs)(model)
    monkeypatch.setattr(model, 'parameters', lambda: iter([SimpleNamespace(device=torch.device('cuda'))]))
    with pytest.raises(InputError, match=f'^cuda_graphs=True does not go with optim_wrapper.{network}.{said}'):
        check_graphs(model, built)
