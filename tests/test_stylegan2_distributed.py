"""StyleGAN2 on two processes is StyleGAN2 on one with the joined batch; gradients are averaged while they are found."""

import copy

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from stylegan2_models import batch, optimisers, small_model
from torch import nn

from mmpe.engine import SynchronisedModel
from mmpe.engine.hooks import FiniteLossHook, InterruptHook
from mmpe.engine.hooks.agreeing_hook import agree
from mmpe.models import distributed

ITERATIONS = 4
PROCESSES = 2
LOSSES = dict(
    adversarial=dict(type='RelativisticLoss'),
    r2=dict(type='R2Penalty', interval=2),
    scale_consistency=dict(type='ScaleConsistencyLoss'),
)
RUNS = dict(  # a process has four images
    groups_of_two=dict(group_size=2),
    groups_of_four=dict(group_size=4),
    other_losses=dict(group_size=2, losses=LOSSES),
)


def new_run(name, rank=0):
    """A model with weights of its own on every process, as each would have without a wrapper."""
    torch.manual_seed(rank)
    model = small_model(**RUNS[name], ema=dict(half_life=30, ramp_up=0.5)).double()
    return SynchronisedModel(model), optimisers(model)


def checkpoint(model, optim_wrapper):
    return copy.deepcopy(dict(model=model.module.state_dict(), optimizer=optim_wrapper.state_dict()))


def train_one_of_two(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=PROCESSES)
    runs = {}
    for name in RUNS:
        model, optim_wrapper = new_run(name, rank)
        run = runs[name] = []
        for i in range(ITERATIONS):
            logged = model.train_step(batch(i, 4, rank, PROCESSES), optim_wrapper)
            run.append(dict(checkpoint(model, optim_wrapper), logged=logged))
    runs['buckets'] = average_in_buckets(rank)
    runs['agreed'] = agree_on_what_one_has_noticed(rank)
    torch.save(runs, f'{folder}/{rank}.pth')
    dist.barrier()
    dist.destroy_process_group()


class FourLayers(nn.Module):
    """One of them in another type and layout, one frozen, and one that only the first of two losses sees."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
        self.frozen = nn.Conv2d(3, 3, 1).requires_grad_(False)
        self.last = nn.Conv2d(3, 2, 1).double()
        self.other = nn.Conv2d(3, 2, 1)
        self.unused = nn.Conv2d(3, 2, 1)

    def losses(self, rank):
        x = self.frozen(self.first(torch.randn(2, 2, 5, 5, generator=torch.Generator().manual_seed(rank))))
        yield self.other(x).square().mean()
        yield self.last(x.double()).square().mean()


def average_in_buckets(rank):
    """The gradients, and what has happened in which order while the last loss was propagated."""
    network, events = FourLayers(), []
    reduce = torch.distributed.all_reduce
    distributed._BUCKET = 100
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            torch.distributed, 'all_reduce', lambda *args, **kwargs: events.append(None) or reduce(*args, **kwargs)
        )
        for parameter in network.first.parameters():
            parameter.register_post_accumulate_grad_hook(lambda parameter: events.append(len(parameter)))
        first, last = network.losses(rank)
        first.backward(retain_graph=True)
        events.clear()
        with distributed.averaging_gradients(network.parameters(), last):
            last.backward()
    return dict(gradients=[parameter.grad for parameter in network.parameters()], events=events)


def agree_on_what_one_has_noticed(rank):
    """One process has lost its way, the other has received a signal; how many reductions it takes both to know."""
    hooks, reductions = [FiniteLossHook(), InterruptHook()], []
    hooks[1].received = 15 * rank
    outputs = dict(loss=torch.tensor(0.5 if rank else float('nan')))
    reduce = torch.distributed.all_reduce
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            torch.distributed, 'all_reduce', lambda *args, **kwargs: reductions.append(1) or reduce(*args, **kwargs)
        )
        agree(hooks, outputs)
        noticed = [hook.anywhere(outputs) for hook in hooks]
        together = len(reductions)
        noticed += [hook.anywhere(outputs) for hook in hooks]  # in a loop that has not had them agree
    return dict(noticed=noticed, together=together, apart=len(reductions) - together)


@pytest.fixture(scope='module')
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp('processes')
    mp.spawn(train_one_of_two, (str(folder),), PROCESSES)
    return [torch.load(folder / f'{rank}.pth') for rank in range(PROCESSES)]


def train_alone(run, first=0):
    """With the batches of both processes, joined."""
    model, optim_wrapper = run
    for i in range(first, ITERATIONS):
        logged = model.train_step(batch(i, 8), optim_wrapper)
    return dict(checkpoint(model, optim_wrapper), logged=logged)


def assert_close(one, other, name='', tolerance=1e-7):
    if isinstance(one, dict):
        assert one.keys() == other.keys(), name
        for key in one:
            assert_close(one[key], other[key], f'{name}.{key}', tolerance)
    elif isinstance(one, torch.Tensor) and tolerance:
        assert torch.allclose(one.double(), other.double(), rtol=tolerance, atol=tolerance / 1000), name
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), name


@pytest.mark.parametrize('name', RUNS)
def test_both_processes_hold_equal_weights(both, name):
    for one, other in zip(both[0][name], both[1][name]):
        assert_close(one, other, tolerance=0)


@pytest.mark.parametrize('name', RUNS)
def test_two_processes_train_as_one(both, name):
    """Weights, average, optimisers and losses; regularised at iterations 0, 2 and 3."""
    expected = train_alone(new_run(name))
    assert_close(both[0][name][-1], expected)
    assert int(expected['model']['images_seen']) == ITERATIONS * 8


def test_gradients_in_buckets_are_means_over_processes(both):
    network = FourLayers()
    for rank in range(PROCESSES):
        for loss in network.losses(rank):
            (loss / PROCESSES).backward(retain_graph=True)
    for run in both:
        for found, parameter in zip(run['buckets']['gradients'], network.parameters()):
            assert (found is None) == (parameter.grad is None)
            assert found is None or torch.allclose(found, parameter.grad, rtol=1e-5, atol=1e-7)


def test_buckets_are_sent_while_gradients_are_still_found(both):
    for run in both:
        events = run['buckets']['events']
        assert events[0] is None and 3 in events  # a bucket, before the first layer's gradients
        assert events.count(None) > 2


def test_processes_agree_by_one_reduction(both):
    expected = dict(noticed=[1, 15, 1, 15], together=1, apart=2)
    assert [run['agreed'] for run in both] == [expected, expected]


def test_a_run_goes_on_with_another_number_of_processes(both):
    model, optim_wrapper = new_run('groups_of_four', rank=5)
    halfway = copy.deepcopy(both[1]['groups_of_four'][1])
    model.module.load_state_dict(halfway['model'])
    optim_wrapper.load_state_dict(halfway['optimizer'])
    assert_close(train_alone((model, optim_wrapper), first=2), both[0]['groups_of_four'][-1])
