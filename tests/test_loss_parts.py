"""Losses as parts: named by configs, walked through by training rules that know none of them."""

import pytest
import torch
from mmengine.optim import OptimWrapper
from stylegan2_models import batch, optimisers, small_model

from mmpe.errors import InputError
from mmpe.models.losses import Loss, Losses
from mmpe.registry import MODELS


@MODELS.register_module()
class BrightnessLoss(Loss):
    """What a user would add: images are to be dark, and the discriminator is to find them so."""

    def discriminator_terms(self, batch):
        return [('loss_brightness', lambda: self.factor * batch.critic(batch.fakes).square().mean())]

    def loss_of_fakes(self, batch):
        return self.factor * batch.fakes.mean()

    def generator_terms(self, batch):
        return [(self.logged_as, lambda: self.factor * batch.draw_fakes().square().mean())]


def stylegan2(losses):
    return small_model(losses=losses, scales=None), batch(0, side=16)


def dcgan(losses):
    generator = dict(type='ConvGenerator', out_size=16, latent_channels=6, channels=16, head=dict(type='DenseHead'))
    critic = dict(type='ConvDiscriminator', in_size=16, channels=4)
    model = MODELS.build(dict(type='DCGANModel', generator=generator, discriminator=critic, losses=losses))
    return model, batch(0, side=16)


def pggan(losses):
    small = dict(base_channels=64, max_channels=8)
    generator = dict(type='GrowingGenerator', out_size=16, latent_channels=8, **small)
    critic = dict(type='GrowingDiscriminator', in_size=16, **small)
    model = MODELS.build(dict(type='PGGANModel', generator=generator, discriminator=critic, losses=losses))
    return model, batch(0, side=16)


def singan(losses):
    model = MODELS.build(
        dict(
            type='SinGANModel',
            generator=dict(type='SinGANGenerator', base_channels=4),
            discriminator=dict(type='SinGANDiscriminator', base_channels=4),
            discriminator_steps=1,
            generator_steps=1,
            losses=losses,
        )
    )
    model.set_pyramid([(12, 14)])
    real = torch.rand(1, 3, 12, 14, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return model, dict(inputs=dict(real_scale0=real))


FAMILIES = [stylegan2, dcgan, pggan, singan]


class Recording(OptimWrapper):
    """Keeps the gradients by which it steps."""

    def step(self, **kwargs):
        groups = self.optimizer.param_groups
        self.gradients = [None if p.grad is None else p.grad.clone() for group in groups for p in group['params']]


def one_step(family, losses):
    torch.manual_seed(0)
    model, data = family(losses)
    optim_wrapper = optimisers(model.train(), Recording)
    logged = model.train_step(data, optim_wrapper)
    return logged, {name: optim_wrapper[name].gradients for name in ('generator', 'discriminator')}


@pytest.mark.parametrize('family', FAMILIES)
def test_a_loss_of_ones_own_adds_its_gradients_in_every_family(family):
    """Gradients are linear in the weight: what a weight of 2 adds is twice what one of 1 adds."""
    runs = [one_step(family, dict(brightness=dict(type='BrightnessLoss', weight=weight))) for weight in (0, 1, 2)]
    (without, none), (logged, one), (_, two) = runs
    assert set(logged) - set(without) == {'loss_brightness'}
    for network in ('generator', 'discriminator'):
        moved = 0
        for a, b, c in zip(none[network], one[network], two[network]):
            if a is not None:
                torch.testing.assert_close(c - a, 2 * (b - a), rtol=1e-3, atol=1e-4 * float(a.abs().max()) + 1e-6)
                moved += float((b - a).abs().sum())
        assert moved > 0, network


@pytest.mark.parametrize('names', [('z', 'a'), ('a', 'z')])
def test_the_order_in_a_config_has_no_effect(names):
    """MMEngine writes dictionaries sorted, so a run must go on from a dumped config with the same bits."""
    losses = Losses(dict(m=dict(type='R1Penalty')), {name: dict(type='R1Penalty') for name in names})
    assert list(losses) == ['a', 'm', 'z']


def test_a_type_replaces_a_default_and_an_argument_changes_it():
    defaults = dict(r1=dict(type='R1Penalty', weight=10.0, interval=16))
    assert vars(Losses(defaults, dict(r1=dict(weight=1)))['r1']) == dict(weight=1, interval=16, name='r1')
    assert vars(Losses(defaults, dict(r1=dict(type='R1Penalty')))['r1']) == dict(weight=1.0, interval=1, name='r1')
    assert Losses(defaults, dict(r1=None)) == {}


@pytest.mark.parametrize(
    ('family', 'losses', 'message'),
    [
        (dcgan, dict(path_length=dict(type='PathLengthPenalty')), 'needs a generator of styles, which this model does'),
        (stylegan2, dict(x=dict(type='ReconstructionLoss')), 'losses.x: a ReconstructionLoss needs a generator that'),
        (pggan, dict(r1=dict(weight=1)), 'losses.r1 has no type.*model has anyway: adversarial, gradient_penalty'),
        (singan, dict(reconstruction=10), 'losses.reconstruction=10 cannot work: it must be a dict'),
        (dcgan, dict(r1=dict(type='Palette')), 'losses.r1: a Palette is not a loss'),
        (stylegan2, dict(r1=dict(weight='much')), "losses.r1: weight='much' cannot work"),
        (singan, dict(gradient_penalty=dict(interval=0.5)), 'losses.gradient_penalty: interval=0.5 cannot work'),
    ],
)
def test_what_cannot_be_a_loss_is_explained(family, losses, message):
    with pytest.raises(InputError, match=message):
        family(losses)
