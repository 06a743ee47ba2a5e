"""The scale-consistency loss, against a reduction written out pixel by pixel and plain autograd."""

import copy

import pytest
import torch
from singan_runs import REPOSITORY
from stylegan2_models import batch, optimisers, small_model
from test_loss_parts import Recording

from mmpe.apis import load_config
from mmpe.errors import InputError
from mmpe.models.losses import scale_consistency
from mmpe.random_numbers import random_generator
from mmpe.registry import MODELS

SIZES = [((4, 4), (8, 8)), ((4, 6), (6, 9)), ((8, 4), (10, 7))]


def reduction(small, large):
    """(small, large): the share of every old pixel in a new one, a tent as wide as a new pixel on either side."""
    times = large / small
    shares = torch.zeros(small, large, dtype=torch.float64)
    for new in range(small):
        for old in range(large):
            shares[new, old] = max(0.0, 1 - abs((old + 0.5) / times - (new + 0.5)))
    return shares / shares.sum(1, keepdim=True)


def naive(image, larger):
    rows, columns = (reduction(small, large) for small, large in zip(image.shape[-2:], larger.shape[-2:]))
    return (rows @ larger.double() @ columns.T - image.double()).abs().mean()


@pytest.mark.parametrize(('small', 'large'), SIZES)
def test_values_of_a_reduction_by_hand(small, large):
    torch.manual_seed(0)
    image, larger = torch.randn(2, 3, *small), torch.randn(2, 3, *large)
    assert scale_consistency(image, larger).item() == pytest.approx(naive(image, larger).item(), rel=1e-5)


def test_is_float32_under_autocast():
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = scale_consistency(torch.zeros(1, 1, 2, 2).bfloat16(), torch.ones(1, 1, 4, 4).bfloat16())
    assert found.dtype == torch.float32 and found.item() == 1


@pytest.mark.parametrize(
    ('enlarge', 'base', 'expected'),
    [(1.5, (4, 4), (6, 6)), (1.5, (4, 8), (6, 12)), (2, (5, 7), (10, 14)), (1.1, (4, 20), (5, 22))],
)
def test_the_larger_grid_has_the_same_shape(enlarge, base, expected):
    assert MODELS.build(dict(type='ScaleConsistencyLoss', enlarge=enlarge)).larger_base(base) == expected


@pytest.mark.parametrize('enlarge', [1, 0.5, 'much'])
def test_what_is_not_larger_is_refused(enlarge):
    with pytest.raises(InputError, match=f'losses.same: enlarge={enlarge!r} cannot work'):
        small_model(losses=dict(same=dict(type='ScaleConsistencyLoss', enlarge=enlarge)))


def test_gradients_are_those_of_the_paper():
    """Of both images, by plain autograd on a copy of the generator; the discriminator learns nothing from it."""
    losses = dict(same=dict(type='ScaleConsistencyLoss', weight=0.3, interval=2), path_length=None)
    model = small_model(losses=losses, scales=None, mixing_probability=0).double()
    reference = copy.deepcopy(model)
    optim_wrapper = optimisers(model, Recording)
    logged = model.train_step(batch(0, side=16), optim_wrapper)

    update, generator = reference._begin_update(), reference.generator
    inputs, noises = reference._draw(update, 'scale consistency', 0, 4)
    rngs = [random_generator('scale consistency 6x6', update.seed, 0, number) for number in range(4)]
    own_noises = generator.draw_noises(rngs, (6, 6))
    image = generator(**inputs, base_size=(4, 4), injected_noise=noises)
    larger = generator(**inputs, base_size=(6, 6), injected_noise=own_noises)
    assert (image.shape[-1], larger.shape[-1]) == (16, 24)
    loss = 0.3 * 2 * naive(image, larger)
    fooled = -reference.discriminator(reference._generate(update, 'generator', 0, 4)).sigmoid().log().mean()
    (fooled + loss).backward()
    assert logged['loss_same'].item() == pytest.approx(loss.item(), rel=1e-6)
    for p, found in zip(generator.parameters(), optim_wrapper['generator'].gradients):
        torch.testing.assert_close(found, p.grad, rtol=1e-5, atol=1e-7)
    assert not any(name == 'loss_same' for name in model.train_step(batch(1, side=16), optim_wrapper))


def test_training_makes_scales_agree():
    """By this loss alone, which falls: what images of one z differ by at 16 and 24 pixels."""
    torch.manual_seed(0)
    losses = dict(
        same=dict(type='ScaleConsistencyLoss', weight=1), path_length=None, adversarial=None, r1=dict(weight=1)
    )
    model = small_model(losses=losses, scales=None)
    optim_wrapper = optimisers(model)
    found = [model.train_step(batch(i, side=16), optim_wrapper)['loss_same'].item() for i in range(30)]
    assert sum(found[-5:]) < 0.7 * sum(found[:5])


def test_the_config_adds_the_loss_and_its_grid():
    folder = REPOSITORY / 'configs/positional_encoding_in_gans'
    config = load_config(folder / 'mspie-stylegan2_quickstart_scale-consistent.py')
    model = MODELS.build(config.model)
    assert model.losses['scale_consistency'].weight > 0
    small, large = ((4, 4), (6, 6))
    coordinates = [model.generator.encoding.coordinates(model.generator.head_size(base)) for base in (small, large)]
    inner = [where[1:-1, 1:-1] for where in coordinates]
    assert [tuple(where.shape[:2]) for where in inner] == [small, large]
    for where in inner:  # the same frame is filled by cells of other sizes
        half = 1 / where.shape[0]
        assert (where[0, 0] - half).tolist() == pytest.approx([-1, -1])
        assert (where[-1, -1] + half).tolist() == pytest.approx([1, 1])
