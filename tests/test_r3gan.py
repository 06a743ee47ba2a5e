"""R3GAN's losses, against plain autograd and in parts of a batch; test_stylegan2_distributed.py has two processes."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from singan_runs import REPOSITORY
from stylegan2_models import batch, optimisers, small_model
from test_loss_parts import FAMILIES, Recording

from mmpe.apis import load_config
from mmpe.models.losses import relativistic
from mmpe.registry import MODELS

LOSSES = dict(
    adversarial=dict(type='RelativisticLoss'),
    r1=dict(weight=3.0, interval=1),
    r2=dict(type='R2Penalty', weight=5.0, interval=2),
    path_length=None,
)


def model_of_one_scale(**settings):
    return small_model(losses=LOSSES, scales=None, mixing_probability=0, **settings).double()


def test_values_by_hand():
    """softplus of -1 and of 3."""
    real, fake = torch.tensor([[2.0], [0.0]]), torch.tensor([[1.0], [3.0]])
    expected = (math.log1p(math.exp(-1)) + math.log1p(math.exp(3))) / 2
    assert relativistic(real, fake).item() == pytest.approx(expected)
    assert relativistic(real, fake + 100).item() > relativistic(real + 100, fake + 100).item()


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_scores_are_compared_in_float32(dtype):
    """The difference of 100 and .25 is 99.75, which bfloat16 would round to 100."""
    one, other = torch.full((1, 1), 100.0, dtype=dtype), torch.full((1, 1), 0.25, dtype=dtype)
    found = relativistic(one, other)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(math.log1p(math.exp(-99.75)), rel=1e-3)


def pair_by_hand(critic, reals, fakes):
    """Equation 2 image by image, and both penalties by the slope at each image alone."""
    loss = r1 = r2 = 0
    for real, fake in zip(reals.split(1), fakes.split(1)):
        loss = loss + F.softplus(critic(fake) - critic(real)).sum() / len(reals)
        for image, name in ((real, 'r1'), (fake, 'r2')):
            x = image.detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
            if name == 'r1':
                r1 = r1 + slope.pow(2).sum() / len(reals)
            else:
                r2 = r2 + slope.pow(2).sum() / len(reals)
    return loss, r1, r2


def test_gradients_are_those_of_the_paper():
    model = model_of_one_scale(group_size=1)
    reference = copy.deepcopy(model)
    optim_wrapper = optimisers(model, Recording)
    logged = model.train_step(batch(0, side=16), optim_wrapper)

    update = reference._begin_update()
    reals = torch.stack(batch(0, side=16)['inputs']).double() / 127.5 - 1
    critic = reference.discriminator
    loss, r1, r2 = pair_by_hand(critic, reals, reference._generate(update, 'discriminator', 0, 4).detach())
    (loss + 3 / 2 * r1 + 5 / 2 * 2 * r2).backward()
    for p, found in zip(critic.parameters(), optim_wrapper['discriminator'].gradients):
        torch.testing.assert_close(found, p.grad, rtol=1e-7, atol=1e-10)
    fakes = reference._generate(update, 'generator', 0, 4)
    fooled = F.softplus(critic(reals).detach() - critic(fakes)).mean()
    fooled.backward()
    for p, found in zip(reference.generator.parameters(), optim_wrapper['generator'].gradients):
        torch.testing.assert_close(found, p.grad, rtol=1e-7, atol=1e-10)

    expected = dict(loss_discriminator=loss, loss_r1=1.5 * r1, loss_r2=5 * r2, loss_generator=fooled)
    assert {name: float(logged[name]) for name in expected} == pytest.approx({k: v.item() for k, v in expected.items()})
    assert set(logged) == {*expected, 'scale'}


@pytest.mark.parametrize('parts', [2, 4])
def test_a_batch_in_parts_is_the_batch(parts):
    """The generator meets every real image of the update, with the same partner."""
    whole = model_of_one_scale(group_size=1)
    pieces = copy.deepcopy(whole)
    one, several = optimisers(whole), optimisers(pieces, accumulative_counts=parts)
    for i in range(3):
        logged = whole.train_step(batch(i), one)
        pictures = batch(i)['inputs']
        for part in range(parts):
            found = pieces.train_step(dict(inputs=pictures[part * 4 // parts : (part + 1) * 4 // parts]), several)
        assert found['loss_generator'].item() == pytest.approx(logged['loss_generator'].item())
    for (name, a), b in zip(whole.state_dict().items(), pieces.state_dict().values()):
        assert torch.allclose(a.double(), b.double(), rtol=1e-7, atol=1e-9), name


@pytest.mark.parametrize('counts', [(1, 3), (3, 1), (2, 3)])
def test_networks_may_accumulate_differently(counts):
    """A generator that learns from more images than the discriminator has seen meets the real ones again."""
    model = model_of_one_scale()
    optim_wrapper = optimisers(model)
    for name, count in zip(('discriminator', 'generator'), counts):
        optim_wrapper[name]._accumulative_counts = count
    met = []
    model.losses['adversarial'].loss_of_fakes = lambda batch: met.append(batch.reals) or batch.fakes.mean()
    batches = [torch.stack(batch(i, side=16)['inputs']) for i in range(counts[0])]
    for pictures in batches:
        model.train_step(dict(inputs=pictures), optim_wrapper)
    images = torch.cat(batches).double() / 127.5 - 1
    expected = [images[torch.arange(4 * i, 4 * i + 4) % len(images)] for i in range(counts[1])]
    assert len(met) == len(expected) and all(torch.equal(a, b) for a, b in zip(met, expected))


@pytest.mark.parametrize('family', FAMILIES)
def test_every_family_takes_them(family):
    losses = {name: config for name, config in LOSSES.items() if config}
    model, data = family(losses | dict(r1=dict(type='R1Penalty'), gradient_penalty=None))
    logged = model.train().train_step(data, optimisers(model))
    assert {'loss_discriminator', 'loss_r1', 'loss_r2'} <= set(logged)
    assert all(value.isfinite() for value in logged.values())


def test_the_config_differs_in_its_losses_alone():
    folder = REPOSITORY / 'configs/positional_encoding_in_gans'
    plain, r3gan = (load_config(folder / f'mspie-stylegan2_quickstart{name}.py') for name in ('_sinusoidal', '_r3gan'))
    losses = MODELS.build(r3gan.model).losses
    assert {name: type(loss).__name__ for name, loss in losses.items() if loss.weight} == dict(
        adversarial='RelativisticLoss', r1='R1Penalty', r2='R2Penalty'
    )
    assert losses['r1'].factor == losses['r2'].factor
    assert {key for key in plain.model if plain.model[key] != r3gan.model[key]} == {'losses'}
    assert plain.optim_wrapper == r3gan.optim_wrapper and plain.train_dataloader == r3gan.train_dataloader
