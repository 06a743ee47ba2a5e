"""The losses of StyleGAN2 in cases that can be worked out by hand."""

import math

import pytest
import torch
from torch import nn

from mmpe.models.losses import non_saturating, path_length_penalty, path_lengths, r1_penalty


def test_non_saturating_values():
    """-log of a probability: of 1/2 at a score of 0, of 3/4 or 1/4 at log 3."""
    scores = torch.tensor([[0.0], [math.log(3)]])
    assert non_saturating(scores, real=True).item() == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)
    assert non_saturating(scores, real=False).item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_non_saturating_does_not_saturate():
    """Images that are found out, at a score of -50, still have a full gradient, and nothing overflows."""
    scores = torch.tensor([[-50.0]], requires_grad=True)
    loss = non_saturating(scores, real=True)
    loss.backward()
    assert (loss.item(), scores.grad.item()) == pytest.approx((50, -1))


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_scores_give_a_float32_loss(dtype):
    assert non_saturating(torch.zeros(2, 1, dtype=dtype), real=True).dtype == torch.float32


class Linear(nn.Module):
    """D(x) = w . x"""

    def __init__(self, *shape):
        super().__init__()
        self.w = nn.Parameter(torch.randn(1, *shape))

    def forward(self, x):
        return (self.w * x).sum(dim=(1, 2, 3))[:, None]


@pytest.mark.parametrize('batch', [1, 5])
def test_r1_of_a_linear_critic(batch):
    """The gradient is w everywhere, so the penalty is |w|^2 and its own gradient 2w."""
    critic = Linear(3, 4, 6)
    penalty = r1_penalty(critic, torch.randn(batch, 3, 4, 6))
    penalty.backward()
    assert penalty.item() == pytest.approx(critic.w.square().sum().item(), rel=1e-5)
    assert torch.allclose(critic.w.grad, 2 * critic.w, rtol=1e-5)


def test_r1_of_a_square():
    """D(x) = a |x|^2 / 2 has the gradient a x: the penalty is a^2 times the mean over images of |x|^2."""
    a = torch.tensor(3.0, requires_grad=True)
    x = torch.randn(4, 3, 5, 5)
    penalty = r1_penalty(lambda x: a * x.square().sum(dim=(1, 2, 3))[:, None] / 2, x)
    penalty.backward()
    square = x.square().sum().item() / 4
    assert penalty.item() == pytest.approx(9 * square, rel=1e-5)
    assert a.grad.item() == pytest.approx(6 * square, rel=1e-5)


def linear_generator(a):
    """Images a . w, a (C, 3, H, W), of the sum w of all layers' styles (N, L, C)."""
    return lambda styles: torch.einsum('nlc,cxhw->nxhw', styles, a)


def test_path_lengths_of_a_linear_generator():
    """J^T y of a linear map A is A^T y for every layer, whatever the styles."""
    a = torch.randn(4, 3, 2, 8)
    y = torch.randn(5, 3, 2, 8)
    styles = torch.randn(5, 6, 4, requires_grad=True)
    expected = (y.flatten(1) @ a.flatten(1).T / 4).norm(dim=1)
    assert torch.allclose(path_lengths(linear_generator(a), styles, y), expected, rtol=1e-5)


def test_path_length_is_the_mean_over_layers():
    """Where one layer of four moves the image alone, a length is half of what it would be with all of them."""
    a, y = torch.randn(4, 3, 2, 8), torch.randn(5, 3, 2, 8)
    styles = torch.randn(5, 4, 4, requires_grad=True)
    everywhere = path_lengths(linear_generator(a), styles, y)
    in_one = path_lengths(lambda s: linear_generator(a)(s[:, :1]), styles, y)
    assert torch.allclose(in_one, everywhere / 2, rtol=1e-5)


def test_path_lengths_do_not_depend_on_the_size():
    """An image repeated over four times the pixels moves by twice the norm, and counts the same on average."""
    torch.manual_seed(0)
    a = torch.randn(4, 3, 8, 8)
    lengths = [
        path_lengths(
            linear_generator(a.repeat(1, 1, k, k)),
            torch.zeros(4000, 1, 4, requires_grad=True),
            torch.randn(4000, 3, 8 * k, 8 * k),
        )
        .square()
        .mean()
        .item()
        for k in (1, 2)
    ]
    assert lengths[1] == pytest.approx(lengths[0], rel=0.1)
    assert lengths[0] == pytest.approx(a.square().sum().item() / 64, rel=0.1)


def test_path_length_penalty_and_its_gradient():
    """Images a (w y): the length is |a| |y| / sqrt(HW), so d penalty / d a is known."""
    a = torch.tensor(2.0, requires_grad=True)
    y = torch.full((1, 3, 2, 2), 1.0)
    styles = torch.zeros(1, 1, 1, requires_grad=True)
    lengths = path_lengths(lambda s: a * s[..., None].expand(-1, 3, 2, 2), styles, y)
    assert lengths.tolist() == pytest.approx([12.0])  # 2 * 12 / sqrt(4)
    penalty = path_length_penalty(lengths, 5.0)
    penalty.backward()
    assert penalty.item() == pytest.approx(49)
    assert a.grad.item() == pytest.approx(2 * 7 * 6)


@pytest.mark.parametrize(
    ('loss', 'autocast'), [('r1', torch.float16), ('path length', torch.float16), ('path length', torch.bfloat16)]
)
def test_regularisation_is_float32_under_autocast(loss, autocast):
    layer = nn.Conv2d(3, 3, 3, padding=1)
    dtypes = []
    layer.register_forward_hook(lambda module, inputs, output: dtypes.append(output.dtype))
    with torch.autocast('cpu', dtype=autocast):
        if loss == 'r1':
            found = r1_penalty(lambda x: layer(x).square().sum(dim=(1, 2, 3))[:, None], torch.randn(2, 3, 4, 4))
        else:
            styles = torch.randn(2, 1, 48, requires_grad=True)
            found = path_lengths(lambda s: layer(s.view(2, 3, 4, 4)), styles, torch.randn(2, 3, 4, 4))
    assert dtypes == [torch.float32] and found.dtype == torch.float32


def test_r1_in_bfloat16_is_nearly_that_in_float32():
    critic = nn.Sequential(
        nn.Conv2d(3, 64, 3), nn.LeakyReLU(0.2), nn.Conv2d(64, 64, 3), nn.LeakyReLU(0.2), nn.Conv2d(64, 1, 4)
    )
    x = torch.randn(4, 3, 8, 8)
    exact = r1_penalty(critic, x)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = r1_penalty(critic, x)
    assert found.dtype == torch.float32
    assert found.item() != exact.item()
    assert found.item() == pytest.approx(exact.item(), rel=0.02)
