"""Trains every family on the pretended device, in a process of its own, and writes what it has found as JSON."""

import json
import sys
from pathlib import Path

import classic_runs
import conftest
import singan_runs
import stylegan2_runs
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from pretended_device import LOG, PretendedTensor, pretended_cuda

from mmpe.apis import load

CONFIGS = singan_runs.REPOSITORY / 'configs'
PAPER = CONFIGS / 'positional_encoding_in_gans'
QUIET = dict(default_hooks__logger__interval=10**6)
FUSED = {f'optim_wrapper__{network}__optimizer__fused': True for network in ('generator', 'discriminator')}
DCGAN = dict(generator=dict(out_size=16, channels=8, latent_channels=6), discriminator=dict(in_size=16, channels=4))
PGGAN = dict(
    generator=dict(out_size=16, base_channels=32),
    discriminator=dict(in_size=16, base_channels=32),
    transition_kimgs=0.004,
    kimgs_per_scale=dict(_delete_=True, **{'4': 0.008, '8': 0.012, '16': 0.012}),
)


def singan(name, **changes):
    """Three scales of four iterations, of which the third one takes statistics and freezes the normalization."""
    small = dict(iters_per_scale=4, model__freeze_norm_at=0.5, default_hooks__checkpoint__interval=6)
    return lambda folder, **options: singan_runs.tiny_config(
        folder, CONFIGS / name, **small | QUIET | changes | options
    )


def stylegan2(name, **changes):
    """R1 in iterations 0, 3 and 6, path lengths in every other one."""
    return lambda folder, **options: stylegan2_runs.tiny_config(
        folder, PAPER / name, 7, **SAVING | QUIET | changes | options
    )


def classic(name, model, **changes):
    return lambda folder, **options: classic_runs.tiny_config(
        folder, CONFIGS / name, model, 7, **SAVING | QUIET | changes | options
    )


SAVING = dict(default_hooks__checkpoint=dict(interval=5, max_keep_ckpts=-1))
RUNS = dict(
    singan=singan('positional_encoding_in_gans/singan_csg_quickstart.py'),
    stylegan2=stylegan2('mspie-stylegan2-config-f_c2_8xb3-1100kiters_ffhq-256-512.py'),
    dcgan=classic('dcgan/dcgan_quickstart.py', DCGAN, **FUSED),
    pggan=classic('pggan/pggan_quickstart.py', PGGAN),
)


class Iterations(Hook):
    """Keeps what each iteration has asked of the device, with its hooks and the batch before the next one."""

    priority = 'VERY_HIGH'

    def __init__(self):
        self.found = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.note()
        self.now = runner.iter

    def note(self):
        if hasattr(self, 'now'):
            self.found[self.now] = dict(
                synchronizations={f'{kind} at {place}': n for (kind, place), n in LOG.synchronizations.items()},
                kernels=sum(LOG.kernels.values()),
                drawn_on_cpu=dict(LOG.drawn_on_cpu),
            )
        LOG.clear()


def train(config):
    config.experiment_name = f'{Path(config.work_dir).parent.name}_{id(config)}'
    runner = Runner.from_cfg(config)
    iterations = Iterations()
    runner.register_hook(iterations)
    runner.train()
    iterations.note()
    conftest._forget_instances()
    return runner.model, iterations.found


def numbers(model):
    return {name: value.held for name, value in model.state_dict().items()}


def report(make, folder):
    """Train, resume in the middle, and sample what was trained here and there."""
    torch.manual_seed(0)
    whole, iterations = train(make(folder / 'whole'))
    first, *_, last = sorted((folder / 'whole').glob('iter_*.pth'), key=lambda path: int(path.stem[5:]))
    resumed, _ = train(make(folder / 'resumed', resume=True, load_from=str(first)))
    here, there = load(last).sample(2, seed=3), load(last, 'cuda').sample(2, seed=3)
    return dict(
        iterations=iterations,
        on_cpu=[name for name, value in whole.state_dict().items() if not isinstance(value, PretendedTensor)],
        different=[name for name, value in numbers(whole).items() if not torch.equal(value, numbers(resumed)[name])],
        finite=all(bool(value.isfinite().all()) for value in numbers(whole).values()),
        sampled=float((there.held - here).abs().max()),
    )


def refusals():
    """What the device refuses."""
    x = torch.randn(2, 3, device='cuda')
    tried = dict(
        add=lambda: x + torch.zeros(3),
        add_a_number=lambda: x + torch.tensor(2.0),
        cat=lambda: torch.cat([x, torch.zeros(2, 3)]),
        cpu_generator=lambda: torch.randn(3, device='cuda', generator=torch.Generator()),
        numpy=x.numpy,
    )
    refused = []
    for name, call in tried.items():
        try:
            call()
        except (RuntimeError, TypeError):
            refused.append(name)
    return refused


def synchronizations():
    """What each of a few calls has to wait for."""
    x, y = torch.randn(2, 3, device='cuda'), torch.zeros(2, 3)
    pinned = y.pin_memory()
    tried = dict(
        add=lambda: x + 1,
        copy=lambda: y.to('cuda'),
        copy_non_blocking=lambda: y.to('cuda', non_blocking=True),
        copy_of_pinned=lambda: pinned.to('cuda'),
        copy_of_pinned_non_blocking=lambda: pinned[1:].to('cuda', non_blocking=True),
        copy_into=lambda: x.copy_(y),
        copy_back=x.cpu,
        decide=lambda: bool(x.sum() > 0),
        mask=lambda: x[x > 0],
        read=lambda: x.sum().item(),
    )
    found = {}
    for name, call in tried.items():
        LOG.clear()
        call()
        found[name] = LOG.by_kind()
    return found


if __name__ == '__main__':
    folder, *names = sys.argv[1:]
    with pretended_cuda():
        found = dict(refusals=refusals(), synchronizations=synchronizations())
        found['runs'] = {name: report(RUNS[name], Path(folder) / name) for name in names or RUNS}
    Path(folder, 'found.json').write_text(json.dumps(found))
