"""What holds the colors of random images to the picture's."""

import pytest
import torch
from mmengine.optim import OptimWrapper

from mmpe.models.losses import PictureBatch, color_statistics_loss, color_stats
from mmpe.models.singan import SinGANModel
from mmpe.registry import MODELS


def squared_error(images, wanted):
    mean = images.mean((0, 2, 3)) - wanted[0]
    deviation = images.var((0, 2, 3), correction=0).sqrt() - wanted[1].sqrt()
    return mean.square().sum() + deviation.square().sum()


def test_of_an_image_that_is_the_usual_one_it_is_the_squared_error():
    image = torch.randn(1, 3, 7, 9, dtype=torch.float64).mul(0.3).requires_grad_()
    wanted = torch.tensor([[0.1, -0.2, 0.3], [0.2, 0.1, 0.4]], dtype=torch.float64)
    (expected,) = torch.autograd.grad(squared_error(image, wanted), image)
    (found,) = torch.autograd.grad(color_statistics_loss(image, color_stats(image.detach()), wanted), image)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-8)


def test_an_image_of_other_colors_is_left_alone_where_the_usual_ones_are_right():
    image = torch.randn(1, 3, 7, 9).requires_grad_()
    wanted = color_stats(torch.randn(1, 3, 5, 5))
    (found,) = torch.autograd.grad(color_statistics_loss(image, wanted, wanted), image)
    assert not found.any()


def test_an_even_image_has_a_finite_gradient():
    image = torch.zeros(1, 3, 4, 4, requires_grad=True)
    (found,) = torch.autograd.grad(
        color_statistics_loss(image, color_stats(image.detach()), color_stats(torch.randn(1, 3, 4, 4))), image
    )
    assert found.isfinite().all()


def batch(fake, real, images_since_frozen):
    return PictureBatch(
        critic=None,
        draw_fakes=lambda: fake,
        reals=real,
        memory=dict(running_color_stats=torch.ones(2, 3)),
        reconstruct=None,
        images_since_frozen=images_since_frozen,
    )


@pytest.mark.parametrize(('images', 'expected'), [(0, 1.0), (3, 1 / 4), (300, 0.05)])
def test_running_statistics_forget_what_was_before_the_normalization_froze(images, expected):
    seen = batch(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4), images)
    MODELS.build(dict(type='ColorStatisticsLoss')).loss_of_fakes(seen)
    assert torch.allclose(seen.memory['running_color_stats'], torch.full((2, 3), 1 - expected))


def test_nothing_is_held_before_the_normalization_freezes():
    seen = batch(torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4), None)
    assert MODELS.build(dict(type='ColorStatisticsLoss')).loss_of_fakes(seen) is None


@pytest.mark.parametrize(('step', 'images'), [(499, None), (500, 0), (501, 3)])
def test_the_model_counts_images_since_the_freeze(step, images):
    """Three generator steps per iteration, frozen after half of a scale's thousand."""
    model = SinGANModel(
        dict(type='SinGANGenerator', base_channels=4),
        dict(type='SinGANDiscriminator', base_channels=4),
        iters_per_scale=1000,
        freeze_norm_at=0.5,
    )
    model.set_pyramid([(12, 12)])
    model.step.fill_(step)
    found = []
    model.losses['color_statistics'].loss_of_fakes = lambda batch: found.append(batch.images_since_frozen)
    optimizer = OptimWrapper(torch.optim.SGD(model.generator.parameters(), lr=0.1))
    (fake_inputs,) = model._draw(0, 1, torch.Generator())
    model._generator_step(0, torch.zeros(1, 3, 12, 12), fake_inputs, None, model._images_since_frozen, optimizer)
    assert found == [images]
