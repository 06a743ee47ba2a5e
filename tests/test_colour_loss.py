"""What holds the colours of random images to the picture's."""

import pytest
import torch

from mmpe.models.losses import colour_pull, colours
from mmpe.models.singan import SinGANModel


def squared_error(images, wanted):
    mean = images.mean((0, 2, 3)) - wanted[0]
    deviation = images.var((0, 2, 3), correction=0).sqrt() - wanted[1].sqrt()
    return mean.square().sum() + deviation.square().sum()


def test_of_an_image_that_is_the_usual_one_it_is_the_squared_error():
    image = torch.randn(1, 3, 7, 9, dtype=torch.float64).mul(0.3).requires_grad_()
    wanted = torch.tensor([[0.1, -0.2, 0.3], [0.2, 0.1, 0.4]], dtype=torch.float64)
    (expected,) = torch.autograd.grad(squared_error(image, wanted), image)
    (found,) = torch.autograd.grad(colour_pull(image, colours(image.detach()), wanted), image)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-8)


def test_an_image_of_other_colours_is_left_alone_where_the_usual_ones_are_right():
    image = torch.randn(1, 3, 7, 9).requires_grad_()
    wanted = colours(torch.randn(1, 3, 5, 5))
    (found,) = torch.autograd.grad(colour_pull(image, wanted, wanted), image)
    assert not found.any()


def test_an_even_image_has_a_finite_gradient():
    image = torch.zeros(1, 3, 4, 4, requires_grad=True)
    (found,) = torch.autograd.grad(colour_pull(image, colours(image.detach()), colours(torch.randn(1, 3, 4, 4))), image)
    assert found.isfinite().all()


@pytest.mark.parametrize(('steps', 'expected'), [(0, 1.0), (1, 1 / 4), (100, 0.05)])
def test_usual_colours_forget_what_was_before_the_scale_settled(steps, expected):
    model = SinGANModel(dict(type='SinGANGenerator'), iters_per_scale=1000, settle_at=0.5)
    model.step.fill_(500 + steps)
    model.usual_colours.fill_(1.0)
    model._colour_loss(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4))
    assert torch.allclose(model.usual_colours, torch.full((2, 3), 1 - expected))


def test_nothing_is_held_before_a_scale_settles():
    model = SinGANModel(dict(type='SinGANGenerator'), iters_per_scale=1000, settle_at=0.5)
    assert model._colour_loss(torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)) == 0
