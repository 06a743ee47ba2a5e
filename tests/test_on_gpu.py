"""What is tested on a pretended device, once more on a real one: ``pytest -m gpu`` on a machine that has a GPU."""

import json
import os
import subprocess
import sys
import warnings

import cuda_graph_runs
import gpu_runs
import pytest
import singan_runs
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from test_gpu_clean import BUSY, MOST_SYNCHRONIZATIONS
from torch.export.passes import move_to_device_pass

from mmpe.apis import export, load
from mmpe.engine.cuda_graphs import GraphedSteps
from mmpe.errors import InputError
from mmpe.models.noise import CountedNoise

os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')  # which deterministic products need
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')]
families = pytest.mark.parametrize('name', gpu_runs.RUNS)
ROUNDING = 1e-3
"""Of a few iterations' weights, relative to the largest weight: kernels of a GPU sum in an order that may change."""


@pytest.fixture(autouse=True)
def reproducible():
    """Products of 32 bits, and the kernels that give the same sums each time, where there are such."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic = before


class Notes(Hook):
    """Keeps the losses of each iteration, and how often the CPU has waited for the GPU until the next one."""

    priority = 'VERY_HIGH'

    def __init__(self):
        self.losses, self.waits, self.replays = {}, {}, 0

    def before_train(self, runner):
        self.caught = warnings.catch_warnings(record=True)
        self.heard = self.caught.__enter__()
        warnings.simplefilter('always')

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        torch.cuda.set_sync_debug_mode('default')
        if runner.iter:
            self.waits[runner.iter - 1] = [str(w.message) for w in self.heard if 'synchronizing' in str(w.message)]
        self.heard.clear()
        torch.cuda.set_sync_debug_mode('warn')

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses[runner.iter] = outputs
        steps = getattr(runner.model, 'run_steps', None)
        self.replays += isinstance(steps, GraphedSteps) and any(graph.graph for graph in steps.graphs.values())

    def after_train(self, runner):
        torch.cuda.set_sync_debug_mode('default')
        self.caught.__exit__(None, None, None)
        self.losses = {n: {name: float(loss) for name, loss in losses.items()} for n, losses in self.losses.items()}


def train(config):
    torch.manual_seed(0)
    config.experiment_name = f'{os.path.basename(config.work_dir)}_{id(config)}'
    runner = Runner.from_cfg(config)
    notes = Notes()
    runner.register_hook(notes)
    runner.train()
    assert all(value.is_cuda for value in runner.model.state_dict().values())
    return {name: value.cpu() for name, value in runner.model.state_dict().items()}, notes, runner.model


def report(what, **found):
    print(json.dumps(dict(what=what, **found), default=str))


@families
def test_a_run_trains_waits_little_and_resumes(name, tmp_path):
    make = gpu_runs.RUNS[name]
    whole, notes, _ = train(make(tmp_path / 'whole'))
    first, *_, last = sorted((tmp_path / 'whole').glob('iter_*.pth'), key=lambda path: int(path.stem[5:]))
    resumed, _, _ = train(make(tmp_path / 'resumed', resume=True, load_from=str(first)))
    apart = cuda_graph_runs.largest_difference(whole, resumed)
    waits = {n: len(found) for n, found in notes.waits.items()}
    here, there = load(last).sample(2, seed=3), load(last, 'cuda').sample(2, seed=3).cpu()
    sampled = (here - there).abs().max().item()
    report(name, apart=apart, waits=waits, sampled=sampled)
    assert all(value.isfinite().all() for value in whole.values())
    assert apart < ROUNDING and sampled < ROUNDING
    assert max(waits[n] for n in waits if n not in BUSY[name]) <= MOST_SYNCHRONIZATIONS


@pytest.mark.parametrize('name', cuda_graph_runs.RUNS)
def test_training_with_graphs_is_training_without(name, tmp_path):
    def graphed_train(folder, **options):
        config, changes = cuda_graph_runs.RUNS[name]
        config = singan_runs.tiny_config(
            folder, cuda_graph_runs.CONFIGS / config, **cuda_graph_runs.SMALL | changes | options
        )
        return train(config)

    capturable = {f'optim_wrapper__{network}__optimizer__capturable': True for network in cuda_graph_runs.NETWORKS}
    _, plain_notes, plain = graphed_train(tmp_path / 'plain', **capturable)
    weights, notes, graphed = graphed_train(tmp_path / 'graphed', cuda_graphs=True)
    resume = dict(resume=True, load_from=str(tmp_path / 'graphed/iter_41.pth'))
    resumed, _, _ = graphed_train(tmp_path / 'resumed', cuda_graphs=True, **resume)
    without, _, _ = graphed_train(tmp_path / 'without', **resume)
    # of weights those before a normalization do not count: their gradients are rounding errors
    images = (plain.sample(4) - graphed.sample(4)).abs().max().item()
    apart = [cuda_graph_runs.largest_difference(weights, other) for other in (resumed, without)]
    losses = max(
        abs(notes.losses[n][key] - loss) / max(abs(loss), 1)
        for n, found in plain_notes.losses.items()
        for key, loss in found.items()
    )
    waits = {n: len(found) for n, found in notes.waits.items()}
    report(f'graphs {name}', images=images, apart=apart, losses=losses, waits=waits, replays=notes.replays)
    assert notes.replays > 10 and max(images, losses, *apart) < 0.02


@families
@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_mixed_precision_trains(name, dtype, tmp_path):
    wrapper = dict(
        float16=dict(type='AmpOptimWrapper', loss_scale='dynamic', dtype='float16'),
        bfloat16=dict(type='mmpe.BFloat16OptimWrapper'),
    )
    options = {
        f'optim_wrapper__{network}__{key}': value
        for network in ('generator', 'discriminator')
        for key, value in wrapper[dtype].items()
    }
    state, notes, _ = train(gpu_runs.RUNS[name](tmp_path / 'run', **options))
    waits = {n: len(found) for n, found in notes.waits.items()}
    report(f'{dtype} {name}', waits=waits, losses=notes.losses[max(notes.losses)])
    assert all(value.isfinite().all() for value in state.values())


@pytest.mark.parametrize('name', ['singan', 'stylegan2', 'pggan'])
def test_a_deterministic_run_resumes_to_the_bit(name, tmp_path):
    def deterministic(folder, **options):
        return train(gpu_runs.RUNS[name](folder, randomness__deterministic=True, **options))[0]

    whole = deterministic(tmp_path / 'whole')
    first = min((tmp_path / 'whole').glob('iter_*.pth'), key=lambda path: int(path.stem[5:]))
    resumed = deterministic(tmp_path / 'resumed', resume=True, load_from=str(first))
    assert cuda_graph_runs.differing(whole, resumed) == []


@pytest.mark.parametrize('name', ['singan', 'stylegan2', 'dcgan', 'pggan'])
def test_compiled_training_is_training(name, tmp_path):
    make = gpu_runs.RUNS[name]
    _, plain, _ = train(make(tmp_path / 'plain'))
    _, compiled, _ = train(make(tmp_path / 'compiled', compile=True))
    report(f'compiled {name}', plain=plain.losses[1], compiled=compiled.losses[1])
    for key, loss in plain.losses[1].items():
        assert compiled.losses[1][key] == pytest.approx(loss, rel=0.02, abs=2e-3), key


@pytest.mark.parametrize('kind', ['normal', 'uniform'])
def test_noise_is_the_same_on_every_gpu_and_on_the_cpu(kind):
    def drawn(device):
        noise = CountedNoise(torch.empty(0, device=device), 'generator', 2021, 5, numbers=range(3))
        return noise.normal((512,), (1, 33, 65)) if kind == 'normal' else [noise.uniform(4, 5, 6)]

    for here, there in zip(drawn('cpu'), drawn('cuda')):
        torch.testing.assert_close(there.cpu(), here, rtol=0, atol=1e-5)


@families
def test_an_exported_program_runs_on_a_gpu(name, tmp_path):
    train(gpu_runs.RUNS[name](tmp_path / 'run'))
    model = load(max((tmp_path / 'run').glob('iter_*.pth'), key=lambda path: int(path.stem[5:])))
    export(model, tmp_path / 'sampler.pt2', 'torch')
    program = torch.export.load(tmp_path / 'sampler.pt2')
    arguments, _ = program.example_inputs
    here = program.module()(*arguments)
    moved = move_to_device_pass(program, 'cuda').module()
    there = moved(*[value.cuda() for value in arguments]).cpu()
    report(f'export {name}', apart=(here - there).abs().max().item())
    torch.testing.assert_close(there, here, rtol=0, atol=ROUNDING)


def test_one_process_of_nccl_trains(tmp_path):
    config = gpu_runs.RUNS['stylegan2'](tmp_path / 'run')
    config.dump(tmp_path / 'config.py')
    command = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '1']
    tool = singan_runs.REPOSITORY / 'tools/train.py'
    ended = subprocess.run(
        [*command, tool, tmp_path / 'config.py', '--launcher', 'pytorch'], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr[-2000:]


def test_what_cannot_be_captured_is_refused():
    steps = GraphedSteps(torch.nn.Linear(1, 1).cuda(), {})
    with pytest.raises(InputError, match='cannot capture'):
        for _ in range(5):
            steps(
                'phase',
                'kind',
                lambda x: dict(loss=x.mean() if x.mean() > 0 else -x.mean()),
                torch.ones(3, device='cuda'),
            )
