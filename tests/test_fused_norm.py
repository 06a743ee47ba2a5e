"""Batch normalization and LeakyReLU in one, against PyTorch's own."""

import gc
import weakref
from copy import deepcopy

import pytest
import torch
from recorded_calls import record
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmpe.models.layers import fast_norm, fused_norm, norm_loops, normalize, pytorch_layers
from mmpe.models.losses.chain_penalty import chain_penalty
from mmpe.models.losses.wgan_gp import autograd_penalty
from mmpe.models.singan.blocks import ConvChain

SHAPES = [(1, 64, 11, 13), (3, 5, 16, 8), (2, 1, 9, 9), (1, 17, 1, 129)]  # whole parts and rests, batches


def normal(*shape, seed=0, dtype=torch.float64):
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return values.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else values


def batch_norm(channels, dtype=torch.float64, **options):
    norm = nn.BatchNorm2d(channels, **options).to(dtype)
    with torch.no_grad():
        for i, value in enumerate((norm.weight, norm.bias)):
            value.copy_(normal(channels, seed=10 + i))
        norm.weight[0] = 0
        if norm.running_mean is not None:
            norm.running_mean.copy_(normal(channels, seed=12))
            norm.running_var.copy_(normal(channels, seed=13).square() + 0.1)
    return norm


@pytest.fixture
def calls(monkeypatch):
    """The names of the loops that ran."""
    return record(monkeypatch, {name: (norm_loops, name) for name in ('normalize', 'gradient', 'tangent', 'reverse')})


@pytest.fixture
def always(monkeypatch, calls):
    """All maps are fused that can be, be they as small as they may, in double precision as well."""
    monkeypatch.setattr(fast_norm, '_LEAST', 1)
    monkeypatch.setattr(fast_norm, '_TYPES', (torch.float32, torch.float64))


def results(x, norm, activation, as_one):
    """The result, its gradients of the first and second order, and what has moved."""
    x, norm = x.clone().requires_grad_(), deepcopy(norm)
    y = normalize(x, norm, activation) if as_one else activation(norm(x))
    inputs = [x, norm.weight, norm.bias]
    first = torch.autograd.grad(y, inputs, normal(*x.shape, seed=1), retain_graph=True)
    grad = normal(*x.shape, seed=1).requires_grad_()
    slopes = torch.autograd.grad(y, inputs, grad, create_graph=True)
    loss = sum((slope * normal(*slope.shape, seed=i)).sum() for i, slope in enumerate(slopes, start=2))
    second = torch.autograd.grad(loss, [grad, *inputs], allow_unused=True)
    second = [torch.zeros(()) if each is None else each for each in second]
    return [y.detach(), *first, *slopes, *second, *norm.buffers()]


@pytest.mark.parametrize('options', [{}, dict(track_running_stats=False), dict(momentum=0.7, eps=0.1)])
@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('slope', [0.2, 0.0])
@pytest.mark.parametrize('shape', SHAPES)
def test_results_and_gradients_of_both_orders(always, calls, shape, slope, training, options):
    x, norm = normal(*shape) + 3, batch_norm(shape[1], **options).train(training)
    found, wanted = (results(x, norm, nn.LeakyReLU(slope), as_one) for as_one in (True, False))
    assert calls == ['normalize', 'gradient']
    for each, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(each, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('num_layers', [2, 4])
def test_the_penalty_in_closed_form(always, calls, num_layers, shape):
    batch, _, height, width = shape
    critic = ConvChain(3, 1, 9, num_layers, norm_cfg=dict(type='BN'), padding=1).double()
    for name, p in critic.named_parameters():
        nn.init.normal_(p, 1 if 'bn.weight' in name else 0, 0.3)
    x, other = normal(batch, 3, height, width), deepcopy(critic)
    penalty = chain_penalty(critic.layers, x)
    assert [calls.count(name) for name in ('normalize', 'gradient', 'tangent', 'reverse')] == 4 * [num_layers - 1]
    with pytorch_layers():
        expected = autograd_penalty(other, x)
    torch.testing.assert_close(penalty, expected, rtol=1e-12, atol=0)
    penalty.backward()
    expected.backward()
    for one, two in zip(critic.parameters(), other.parameters(), strict=True):
        if two.grad is not None:
            torch.testing.assert_close(one.grad, two.grad, rtol=1e-9, atol=1e-12 * float(two.grad.abs().max()))
    for one, two in zip(critic.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-12, atol=0)


@pytest.mark.parametrize('offset', [0, 1000])
def test_rounding_errors_are_as_small_as_pytorchs(calls, offset):
    x, norm, activation = normal(1, 64, 60, 70, dtype=torch.float32) + offset, batch_norm(64), nn.LeakyReLU(0.2)
    exact = results(x.double(), norm, activation, as_one=False)
    errors = []
    for as_one in (True, False):
        found = first_order(x, norm, activation, as_one)
        errors.append([float((a - b).abs().max() / b.abs().max()) for a, b in zip(found, exact)])
    assert calls == ['normalize', 'gradient']
    assert all(ours <= 2 * theirs + 3e-7 for ours, theirs in zip(*errors, strict=True)), errors


def first_order(x, norm, activation, as_one):
    x, norm = x.clone().requires_grad_(), deepcopy(norm).to(x.dtype)
    y = normalize(x, norm, activation) if as_one else activation(norm(x))
    return [y.detach(), *torch.autograd.grad(y, [x, norm.weight, norm.bias], normal(*x.shape, seed=1).to(x.dtype))]


@pytest.mark.parametrize('frozen', ['x', 'norm'])
def test_gradients_that_nobody_wants_are_not_given(always, frozen):
    x, norm = normal(*SHAPES[0]).requires_grad_(frozen != 'x'), batch_norm(64).requires_grad_(frozen != 'norm')
    expected = deepcopy(norm)
    normalize(x, norm, nn.LeakyReLU(0.2)).square().mean().backward()
    other = x.detach().clone().requires_grad_(frozen != 'x')
    nn.functional.leaky_relu(expected(other), 0.2).square().mean().backward()
    for one, two in zip([x, norm.weight, norm.bias], [other, expected.weight, expected.bias]):
        assert (one.grad is None) == (two.grad is None)
        if two.grad is not None:
            torch.testing.assert_close(one.grad, two.grad)


def test_results_are_the_same_on_any_number_of_threads(calls):
    def learnt(count):
        torch.set_num_threads(count)
        x = normal(1, 64, 50, 61, dtype=torch.float32)
        return first_order(x, batch_norm(64), nn.LeakyReLU(0.2), as_one=True)

    before = torch.get_num_threads()
    try:
        one, *others = (learnt(count) for count in (1, 2, 3, 40))
    finally:
        torch.set_num_threads(before)
    assert 'gradient' in calls
    for other in others:
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_an_image_does_not_depend_on_its_batch(calls):
    x, norm = normal(3, 64, 50, 61, dtype=torch.float32), batch_norm(64, torch.float32).eval()
    whole = normalize(x, norm, nn.LeakyReLU(0.2))
    assert calls
    assert all(torch.equal(whole[i : i + 1], normalize(x[i : i + 1], norm, nn.LeakyReLU(0.2))) for i in range(3))


def test_what_is_computed_can_be_written_to(always):
    grads = []
    for as_one in (True, False):
        x, norm, activation = normal(*SHAPES[0]).requires_grad_(), batch_norm(64), nn.LeakyReLU(0.2)
        y = normalize(x, norm, activation) if as_one else activation(norm(x))
        y += 1
        y.square().sum().backward()
        grads.append(x.grad)
    torch.testing.assert_close(*grads)


def test_a_map_that_was_written_to_is_found_out(always):
    x = normal(*SHAPES[0]).requires_grad_() * 1
    y = normalize(x, batch_norm(64), nn.LeakyReLU(0.2))
    x += 1
    with pytest.raises(RuntimeError, match='modified by an inplace operation'):
        y.sum().backward()


def test_maps_are_freed_without_the_garbage_collector(always):
    gc.disable()
    try:
        x = normal(*SHAPES[0]).requires_grad_() * 1
        y = normalize(x, batch_norm(64), nn.LeakyReLU(0.2))
        seen = [weakref.ref(x), weakref.ref(y)]
        del x, y
        assert [each() for each in seen] == [None, None]
    finally:
        gc.enable()


def other_activation(x):
    return x, batch_norm(64), nn.ReLU()


def cumulative_mean(x):
    return x, batch_norm(64, momentum=None), nn.LeakyReLU(0.2)


def without_parameters(x):
    return x, nn.BatchNorm2d(64, affine=False, dtype=torch.float64), nn.LeakyReLU(0.2)


def other_norm(x):
    return x, nn.InstanceNorm2d(64, affine=True, dtype=torch.float64), nn.LeakyReLU(0.2)


def negative_slope(x):
    return x, batch_norm(64), nn.LeakyReLU(-0.2)


def channels_first(x):
    return x.contiguous(), batch_norm(64), nn.LeakyReLU(0.2)


def parameters_in_single_precision(x):
    return x.bfloat16(), batch_norm(64, torch.float32), nn.LeakyReLU(0.2)


@pytest.mark.parametrize('case', [other_activation, cumulative_mean, without_parameters, other_norm, negative_slope,
                                  channels_first, parameters_in_single_precision])  # fmt: skip
def test_all_else_is_pytorchs_to_the_bit(always, calls, case):
    x, norm, activation = case(normal(*SHAPES[0]))
    expected = activation(deepcopy(norm)(x))
    assert torch.equal(normalize(x, norm, activation), expected)
    assert not calls


def test_small_maps_are_pytorchs_to_the_bit(calls):
    x, norm, activation = normal(1, 64, 45, 45, dtype=torch.float32), batch_norm(64, torch.float32), nn.LeakyReLU(0.2)
    assert torch.equal(normalize(x, deepcopy(norm), activation), activation(norm(x)))
    assert not calls


def test_pytorch_says_what_it_refuses(always):
    with pytest.raises(ValueError, match='more than 1 value per channel'):
        normalize(normal(1, 64, 1, 1), batch_norm(64), nn.LeakyReLU(0.2))
    with pytest.raises(RuntimeError, match='running_mean should contain 64 elements not 3'):
        normalize(normal(*SHAPES[0]), batch_norm(3), nn.LeakyReLU(0.2))


@pytest.mark.parametrize('training', [True, False])
def test_statistics_that_were_taken_away_do_not_move(always, calls, training):
    x, norm = normal(*SHAPES[0]) + 3, batch_norm(64).train(training)
    norm.running_mean = norm.running_var = norm.num_batches_tracked = None
    torch.testing.assert_close(normalize(x, norm, nn.LeakyReLU(0.2)), nn.functional.leaky_relu(norm(x), 0.2))
    assert calls


def test_hooks_are_called(always, calls):
    seen = []
    norm, activation = batch_norm(64), nn.LeakyReLU(0.2)
    handle = norm.register_forward_hook(lambda *_: seen.append('norm'))
    normalize(normal(*SHAPES[0]), norm, activation)
    handle.remove()
    activation.register_forward_pre_hook(lambda *_: seen.append('activation'))
    normalize(normal(*SHAPES[0]), norm, activation)
    assert seen == ['norm', 'activation'] and not calls


def test_who_sees_all_operators_sees_pytorchs(always, calls):
    x, norm, activation = normal(*SHAPES[0]), batch_norm(64).eval().requires_grad_(False), nn.LeakyReLU(0.2)
    expected = activation(norm(x))
    with FlopCounterMode(display=False):
        assert torch.equal(normalize(x, norm, activation), expected)
    with torch.autocast('cpu'):
        assert torch.equal(normalize(x, norm, activation), expected)
    with pytorch_layers():
        assert torch.equal(normalize(x, norm, activation), expected)
    torch.testing.assert_close(torch.func.vmap(lambda each: normalize(each[None], norm, activation))(x)[0], expected)
    traced = torch.jit.trace(lambda each: normalize(each, norm, activation), x, check_trace=False)
    assert torch.equal(traced(x), expected)
    assert not calls


def test_what_is_not_finite_stays_so(always, calls):
    x, norm = normal(*SHAPES[0]), batch_norm(64).eval()
    x[0, 1, 2, 3], x[0, 2, 3, 4] = float('nan'), float('inf')
    expected = nn.functional.leaky_relu(norm(x), 0.2)
    torch.testing.assert_close(normalize(x, norm, nn.LeakyReLU(0.2)), expected, equal_nan=True)
    assert calls


def test_without_numba_it_is_pytorchs(always, calls, monkeypatch):
    monkeypatch.setattr(fast_norm, 'compiled_module', lambda name: None)
    x, norm = normal(*SHAPES[0]), batch_norm(64)
    assert torch.equal(normalize(x, deepcopy(norm), nn.LeakyReLU(0.2)), nn.functional.leaky_relu(norm(x), 0.2))
    assert not calls


def test_statistics_without_bessels_correction():
    y, fused = fused_norm.normalize(torch.tensor([1.0, 3.0]).view(1, 1, 1, 2), nn.BatchNorm2d(1, eps=0), slope=0.5)
    assert y.flatten().tolist() == [-0.5, 1.0]
    assert fused.gradient(torch.ones(1, 1, 1, 2))[1].flatten().tolist() == [1.5, 0.5]
