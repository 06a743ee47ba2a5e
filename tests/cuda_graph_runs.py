"""Trains SinGANs with and without CUDA graphs on the pretended device, in a process of its own, and writes JSON."""

import json
import sys
from pathlib import Path

import conftest
import pretended_graphs
import singan_runs
import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from pretended_device import LOG, pretended_cuda
from torch import nn

from mmpe.engine.cuda_graphs import WARM_UPS, GraphedSteps
from mmpe.errors import InputError

CONFIGS = singan_runs.REPOSITORY / 'configs'
PAPER = 'positional_encoding_in_gans/'
NETWORKS = ('generator', 'discriminator')
# Per scale: 3 iterations that warm up and a replay with batch statistics; 3 and 8 with stored ones, which are taken
# anew for the last. The rate falls within the replays, and colors are weighted by how many images there were.
SMALL = dict(
    iters_per_scale=15,
    model__freeze_norm_at=0.27,
    model__lr_milestones=(12,),
    model__discriminator_steps=2,
    model__generator_steps=1,
    model__generator__num_layers=3,
    model__discriminator__num_layers=3,
    train_dataloader__dataset__max_size=30,
    default_hooks__checkpoint__interval=41,
    default_hooks__logger__interval=10**6,
    custom_hooks=[],
)
RUNS = dict(
    csg=(f'{PAPER}singan_csg_quickstart.py', {}),
    fused=('singan/singan_quickstart.py', {f'optim_wrapper__{name}__optimizer__fused': True for name in NETWORKS}),
    palette=('singan/singan_palette_quickstart.py', dict(model__losses=dict(reconstruction=dict(interval=2)))),
    no_norm=(f'{PAPER}singan_interp-pad_quickstart.py', dict(model__discriminator__norm_cfg=None)),
    adamw_bfloat16=(
        f'{PAPER}singan_spe_nopad_quickstart.py',
        {f'optim_wrapper__{name}__type': 'mmpe.BFloat16OptimWrapper' for name in NETWORKS}
        | {f'optim_wrapper__{name}__optimizer__type': 'AdamW' for name in NETWORKS},
    ),
)


class Notes(Hook):
    """Keeps the losses of each iteration, what it has asked of the device, and the graphs of the run."""

    priority = 'LOWEST'

    def before_train(self, runner):
        self.losses, self.asked, self.graphs = {}, {}, {}
        model, wrappers = runner.model, runner.optim_wrapper.values()
        pretended_graphs.WATCHED[:] = [*model.modules(), *model.losses.values(), *wrappers]

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        LOG.clear()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses[runner.iter] = {name: value.item() for name, value in outputs.items()}
        self.asked[runner.iter] = dict(
            kernels=sum(LOG.kernels.values()), synchronizations=sum(LOG.synchronizations.values())
        )
        steps = runner.model.run_steps
        if isinstance(steps, GraphedSteps):
            known = {(steps.phase, kind): graph.graph for kind, graph in steps.graphs.items()}
            self.graphs |= {str(place): graph.replays for place, graph in known.items() if graph}


def train(folder, name, **options):
    config, changes = RUNS[name]
    config = singan_runs.tiny_config(folder, CONFIGS / config, **SMALL | changes | options)
    config.experiment_name = f'{Path(folder).parent.name}_{id(config)}'
    torch.manual_seed(0)
    runner = Runner.from_cfg(config)
    notes = Notes()
    runner.register_hook(notes)
    runner.train()
    conftest._forget_instances()
    return {name: value.held for name, value in runner.model.state_dict().items()}, notes


def largest_difference(some, others):
    """Of weights, in the largest weight of each tensor."""
    pairs = [(value.double(), others[name].double()) for name, value in some.items()]
    return max(float((a - b).abs().max() / b.abs().max().clamp_min(1e-3)) for a, b in pairs if a.numel())


def differing(some, others):
    return [name for name, value in some.items() if not torch.equal(value, others[name])]


def report(name, folder):
    """With graphs and without; resumed with graphs and without."""
    capturable = {f'optim_wrapper__{network}__optimizer__capturable': True for network in NETWORKS}
    plain, plain_notes = train(folder / 'plain', name, **capturable)  # the optimizers' arithmetic is another one
    graphed, notes = train(folder / 'graphed', name, cuda_graphs=True)
    resume = dict(resume=True, load_from=str(folder / 'graphed/iter_41.pth'))
    resumed, _ = train(folder / 'resumed', name, cuda_graphs=True, **resume)
    without, _ = train(folder / 'without', name, **resume)
    saved = torch.load(folder / 'graphed/iter_41.pth', weights_only=True)['optimizer']['generator']['param_groups'][0]
    return dict(
        different=differing(plain, graphed),
        apart=largest_difference(plain, graphed),
        different_losses=[n for n, losses in plain_notes.losses.items() if notes.losses[n] != losses],
        different_resumed=differing(graphed, resumed),
        without=largest_difference(without, graphed),
        graphs=notes.graphs,
        asked=notes.asked,
        asked_plain=plain_notes.asked,
        saved={key: saved[key] for key in ('lr', 'capturable')},
    )


# ---------------------------------------------------------------- what a capture refuses


class Counter:
    calls = 0

    def count(self):
        self.calls += 1
        return self.calls


def refusals():
    """What is said of steps that cannot be captured; each of them runs as it is while it warms up."""
    counter = Counter()
    pretended_graphs.WATCHED[:] = [counter]
    tried = dict(
        reads_a_number=lambda x: x.mean() if x.mean() > 0 else -x.mean(),
        depends_on_data=lambda x: x[x > 0].mean(),
        copies=lambda x: (x + torch.ones(3).to(x.device)).mean(),
        copies_pinned=lambda x: (x + PINNED.to(x.device, non_blocking=True)).mean(),
        pins=lambda x: torch.ones(3).pin_memory().mean() + x.mean(),
        draws_on_the_cpu=lambda x: x.mean() * torch.rand(()),
        waits=lambda x: torch.cuda.synchronize() or x.mean(),
        counts_in_python=lambda x: x.mean() * counter.count(),
    )
    found = {}
    for name, call in tried.items():
        steps = GraphedSteps(nn.Linear(1, 1).cuda(), OptimWrapperDict())
        ran = 0
        try:
            for _ in range(WARM_UPS + 1):
                steps('phase', 'kind', lambda x, call=call: dict(loss=call(x)), torch.ones(3, device='cuda'))
                ran += 1
            found[name] = ran, 'captured'
        except InputError as error:
            found[name] = ran, str(error)
    return found


def graph_semantics():
    """The pretended graph against what CUDA documents, by hand: nothing is done at capture, all of it at a replay."""
    x, total = torch.ones(3, device='cuda'), torch.zeros(3, device='cuda')
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        doubled = x * 2
        total += doubled
    at_capture = [total.tolist(), doubled.isnan().all().item()]
    graph.replay()
    x.fill_(5)
    graph.replay()
    return [*at_capture, total.tolist(), doubled.tolist()]


if __name__ == '__main__':
    folder, *names = sys.argv[1:]
    folder = Path(folder)
    with pretended_cuda():
        PINNED = torch.ones(3).pin_memory()
        found = dict(semantics=graph_semantics(), refusals=refusals())
        found['runs'] = {name: report(name, folder / name) for name in names}
    (folder / 'found.json').write_text(json.dumps(found))
