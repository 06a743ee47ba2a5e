"""The gradient penalty in closed form, against autograd's derivative of a derivative."""

import copy

import pytest
import torch
from mmcv.cnn import ConvModule

from mmpe.models.losses import gradient_penalty, mix
from mmpe.models.losses.chain_penalty import chain_penalty, is_plain_chain
from mmpe.models.losses.wgan_gp import autograd_penalty
from mmpe.models.singan.blocks import ConvChain


def chain(norm=True, padding=0, num_layers=5, dtype=torch.float64):
    critic = ConvChain(3, 1, 8, num_layers, norm_cfg=dict(type='BN') if norm else None, padding=padding).to(dtype)
    for name, p in critic.named_parameters():
        torch.nn.init.normal_(p, 1 if 'bn.weight' in name else 0, 0.3)
    return critic


def gradients(critic, penalty):
    critic.zero_grad()
    penalty.backward()
    return {name: torch.zeros_like(p) if p.grad is None else p.grad.clone() for name, p in critic.named_parameters()}


@pytest.mark.parametrize('norm', [True, False])
@pytest.mark.parametrize('padding', [0, 1])
@pytest.mark.parametrize('batch', [1, 3])
@pytest.mark.parametrize('num_layers', [2, 5])
def test_closed_form_equals_autograd(norm, padding, batch, num_layers):
    critic = chain(norm, padding, num_layers)
    x = torch.randn(batch, 3, 14, 17, dtype=torch.float64)
    expected, found = autograd_penalty(critic, x), chain_penalty(critic.layers, x)
    assert torch.allclose(found, expected, rtol=1e-12)
    expected, found = gradients(critic, 3 * expected), gradients(critic, 3 * found)
    for name in expected:
        assert torch.allclose(found[name], expected[name], rtol=1e-9, atol=1e-12 * expected[name].abs().max()), name


def test_gradient_is_the_slope():
    """Finite differences know nothing of either derivation."""
    critic = chain(num_layers=3)
    x = torch.randn(1, 3, 9, 9, dtype=torch.float64)
    found = gradients(critic, gradient_penalty(critic, x))
    step = 1e-6
    for name, p in critic.named_parameters():
        direction = torch.randn_like(p)
        with torch.no_grad():
            p += step * direction
            above = autograd_penalty_value(critic, x)
            p -= 2 * step * direction
            below = autograd_penalty_value(critic, x)
            p += step * direction
        slope = (above - below) / (2 * step)
        assert (found[name] * direction).sum().item() == pytest.approx(slope, rel=1e-4, abs=1e-8), name


def autograd_penalty_value(critic, x):
    with torch.enable_grad():
        return autograd_penalty(critic, x).item()


def test_running_statistics_move_alike():
    one, other = chain(), chain()
    other.load_state_dict(one.state_dict())
    x = torch.randn(1, 3, 14, 17, dtype=torch.float64)
    chain_penalty(one.layers, x)
    autograd_penalty(other, x)
    for (name, a), b in zip(one.named_buffers(), other.buffers()):
        assert torch.allclose(a, b, rtol=1e-12), name
    assert one.head.bn.num_batches_tracked == 1


def test_statistics_that_are_not_tracked_any_more_stay():
    critic = chain()
    critic.head.bn.track_running_stats = False
    critic.body.block1.bn.num_batches_tracked = None
    before = critic.head.bn.running_mean.clone()
    chain_penalty(critic.layers, torch.randn(1, 3, 14, 17, dtype=torch.float64))
    assert torch.equal(critic.head.bn.running_mean, before) and critic.head.bn.num_batches_tracked == 0


def test_what_is_no_plain_chain_goes_by_autograd():
    critic = chain()
    assert is_plain_chain(critic)
    assert not is_plain_chain(critic.eval())
    assert not is_plain_chain(ConvChain(3, 1, 8, padding=1, padding_mode='reflect'))
    assert not is_plain_chain(torch.nn.Conv2d(3, 1, 3))
    strided = torch.nn.Sequential(ConvModule(3, 4, 3, stride=2), torch.nn.Conv2d(4, 1, 3))
    x = torch.randn(1, 3, 14, 17)
    assert torch.equal(gradient_penalty(strided, x), autograd_penalty(strided, x))


def test_a_flat_critic_has_no_nan():
    critic = chain(norm=False)
    with torch.no_grad():
        for p in critic.parameters():
            p.zero_()
    penalty = gradient_penalty(critic, torch.randn(1, 3, 14, 17, dtype=torch.float64))
    assert penalty.item() == 1
    assert all(g.isfinite().all() for g in gradients(critic, penalty).values())


def test_linear_critic_by_hand():
    """D(x) = a x_1 + b x_2 + c x_3 has the gradient (a, b, c) everywhere: the penalty is (|(a, b, c)| - 1)^2."""
    critic = torch.nn.Conv2d(3, 1, 1, bias=False)
    with torch.no_grad():
        critic.weight.copy_(torch.tensor([2.0, 3.0, 6.0]).view(1, 3, 1, 1))
    assert gradient_penalty(critic, torch.randn(2, 3, 5, 5)).item() == pytest.approx(36, rel=1e-5)


def relative_error(critic, x, penalty_of, dtype=None):
    """Of the gradient by all weights, against float64."""
    exact = copy.deepcopy(critic).double()
    expected = gradients(exact, autograd_penalty(exact, x.double()))
    with torch.autocast('cpu', dtype=dtype, enabled=dtype is not None):
        penalty = penalty_of(critic, x)
    assert penalty.dtype == torch.float32
    found = gradients(critic, penalty)
    difference = sum((found[name] - expected[name]).square().sum() for name in expected)
    return (difference / sum(g.square().sum() for g in expected.values())).sqrt().item()


@pytest.mark.parametrize('norm', [True, False])
@pytest.mark.parametrize('num_layers', [2, 5])
def test_computes_in_bfloat16_within_such_an_autocast_as_exactly_as_autograd_does(norm, num_layers):
    critic, x = chain(norm, num_layers=num_layers, dtype=torch.float32), torch.randn(1, 3, 30, 37)
    usual = relative_error(critic, x, autograd_penalty, torch.bfloat16)
    found = relative_error(critic, x, gradient_penalty, torch.bfloat16)
    assert 1e-4 < found < 1.2 * usual  # not float32


def test_is_in_float32_within_an_autocast_to_float16():
    """Whose range is too small for it."""
    critic, x = chain(dtype=torch.float32), torch.randn(1, 3, 30, 37)
    assert relative_error(critic, x, gradient_penalty, torch.float16) < 1e-4


def test_mix_takes_its_share_of_the_real():
    share = torch.tensor([0.25]).view(1, 1, 1, 1)
    assert torch.equal(mix(torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2), share), torch.full((1, 3, 2, 2), 0.25))
