"""Progressive GAN: against the released implementation, its growth, without padding, and trained."""

import copy
from itertools import islice

import pytest
import torch
import torch.nn.functional as F
from classic_runs import (
    GRID,
    HEADS,
    IID,
    PADDINGS,
    REPOSITORY,
    SHAPES,
    assert_near,
    check_run,
    check_sizes_and_coordinates,
    configs,
    golden,
    moves_with_its_latents,
    shapes,
    train_on_two,
)
from mmengine.config import Config
from singan_runs import assert_same
from stand_in_weights import fill, noise
from stylegan2_models import batch, optimisers

from mmpe.datasets import GrowingBatchSampler, ResumableSampler
from mmpe.errors import InputError
from mmpe.models.losses import drift, image_gradient_penalty, wasserstein
from mmpe.models.pggan.growth import Growth
from mmpe.models.pggan.layers import Conv, ConvThenMean, EnlargeThenConv
from mmpe.random_numbers import random_generator
from mmpe.registry import MODELS

SMALL = dict(out_size=16, latent_channels=6, base_channels=32, max_channels=8)
CRITIC = dict(type='GrowingDiscriminator', in_size=16, base_channels=32, max_channels=8, group_size=2)
KIMGS = {'4': 0.008, '8': 0.012, '16': 0.016}
RELEASED = dict(type='PGGANGenerator', noise_size=12, out_scale=32, base_channels=64, max_channels=16)
RELEASED_CRITIC = dict(type='PGGANDiscriminator', in_scale=32, base_channels=64, max_channels=16)
PLACES = [(4, 1.0), (8, 0.25), (8, 1.0), (16, 0.0), (32, 0.6), (32, 1.0)]


def small(**settings):
    return MODELS.build(dict(SMALL, type='GrowingGenerator') | settings).eval()


def small_model(generator=None, **settings):
    generator = dict(SMALL, type='GrowingGenerator') | (generator or {})
    settings = dict(discriminator=CRITIC, kimgs_per_scale=KIMGS, transition_kimgs=0.008) | settings
    return MODELS.build(dict(type='PGGANModel', generator=generator) | settings).train()


# -------------------------------------------------------------------- released


@torch.no_grad()
def test_released_generator():
    generator = fill(MODELS.build(dict(type='PGGANGenerator', noise_size=512, out_scale=128)), 'pggan')
    assert shapes(generator) == SHAPES['pggan-generator-128']
    images = generator(noise('z', (2, 512)), curr_scale=64, transition_weight=0.3)
    assert images.shape == (2, 3, 64, 64)
    assert_near(images[..., ::4, ::4], golden('pggan.64.0.3'), golden('std')[1])


@torch.no_grad()
@pytest.mark.parametrize('side, weight', PLACES)
@pytest.mark.parametrize('fused', [True, False])
def test_every_side_and_weight(fused, side, weight):
    name = 'pggan.small' if fused else 'pggan.unfused'
    images = fill(MODELS.build(dict(RELEASED, fused_upconv=fused)), name)(noise('z12', (3, 12)), side, weight)
    assert images.shape == (3, 3, side, side)
    assert_near(images[:2, :, ::2, ::2] if side == 32 else images, golden(f'{name}.{side}.{weight}'))


@torch.no_grad()
@pytest.mark.parametrize('num', [4, 8])
@pytest.mark.parametrize('side, weight', PLACES)
def test_released_discriminator(side, weight, num):
    critic = fill(MODELS.build(RELEASED_CRITIC), 'pggan.disc')
    pictures = noise(f'img{side}', (num, 3, side, side))
    assert_near(critic(pictures, side, weight), golden(f'pggan.disc.{side}.{weight}.{num}'))
    if side == 32 and weight == 1:
        assert torch.equal(critic(pictures, curr_scale=-1), critic(pictures))


@torch.no_grad()
def test_released_discriminator_with_other_arguments():
    config = dict(RELEASED_CRITIC, in_scale=8, channel_decay=0.5, mbstd_cfg=None)
    critic = fill(MODELS.build(config), 'pggan.nostd')
    assert_near(critic(noise('img8', (4, 3, 8, 8))), golden('pggan.nostd'))
    assert shapes(MODELS.build(dict(type='PGGANDiscriminator', in_scale=128))) == SHAPES['pggan-discriminator-128']


def test_losses_and_gradients_are_the_released_ones():
    critic = fill(MODELS.build(RELEASED_CRITIC), 'pggan.disc')

    def judge(images):
        return critic(images, 16, 0.5)

    real, fake = noise('real16', (4, 3, 16, 16)), noise('fake16', (4, 3, 16, 16))
    losses = dict(
        disc_fake=wasserstein(judge(fake), real=False),
        disc_real=wasserstein(judge(real), real=True),
        disc_shift=0.001 * (drift(judge(fake)) + drift(judge(real))),
        gp=10 * image_gradient_penalty(judge, 0.3 * real + 0.7 * fake),
    )
    for name, loss in losses.items():
        assert loss.item() == pytest.approx(golden(f'loss.loss_{name}').item(), rel=1e-4)
    sum(losses.values()).backward()
    parameters = dict(critic.named_parameters())
    own = {released: name for name, released in critic.released_names.items()}
    norms = [0 if parameters[own[key]].grad is None else parameters[own[key]].grad.norm() for key in sorted(own)]
    assert_near(torch.tensor(norms), golden('loss.grads'))


@torch.no_grad()
@pytest.mark.parametrize('config', [RELEASED, dict(RELEASED, fused_upconv=False), RELEASED_CRITIC])
def test_released_state_dicts_come_and_go(config):
    module = MODELS.build(config)
    state = {name: torch.randn_like(value) for name, value in module.state_dict().items()}
    module.load_state_dict(state)
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    with pytest.raises(RuntimeError, match='Missing'):
        module.load_state_dict(dict(list(state.items())[1:]))


@pytest.mark.parametrize(
    'config, message',
    [
        (dict(RELEASED, label_size=10), 'label_size=10 is not supported'),
        (dict(RELEASED, upsample_cfg=dict(type='bilinear')), 'upsample_cfg'),
        (dict(RELEASED_CRITIC, fused_convdown=False), 'fused_convdown=False'),
        (dict(RELEASED_CRITIC, mbstd_cfg=dict(group_size=4, gather_all_batch=True)), 'gather_all_batch=True'),
        (dict(type='GrowingGenerator', out_size=100), 'out_size=100 cannot work: it must be a power of 2'),
        (dict(type='GrowingGenerator', base_channels=16), 'base_channels=16'),
        (dict(CRITIC, group_size=0), 'group_size=0'),
        (dict(SMALL, type='GrowingGenerator', head=dict(IID, encoding=dict(type='LearnableGrid', channels=0))),
         'channels=0 cannot work: it must be at least 1'),
    ],
)  # fmt: skip
def test_impossible_arguments_are_explained(config, message):
    with pytest.raises(InputError, match=message):
        MODELS.build(config)


# -------------------------------------------------------------------- layers


@torch.no_grad()
def test_layers_that_resize_are_what_they_are_made_of():
    """Torch's own convolution, on enlarged pixels or before averages."""
    x = torch.randn(2, 5, 6, 7).double()
    up, down, plain = EnlargeThenConv(5, 4).double(), ConvThenMean(5, 4).double(), Conv(5, 4, 3, padding=1).double()
    for layer in (up, down, plain):
        layer.bias.normal_()
    scale = (2 / 45) ** 0.5
    mirrored = up.weight.transpose(0, 1).flip(2, 3) * scale
    large = F.interpolate(x, scale_factor=2)
    assert torch.allclose(up(x), F.conv2d(large, mirrored, up.bias, padding=1))
    up.padding = (2, 2)
    assert torch.allclose(up(x), F.conv2d(large, mirrored, up.bias))
    assert torch.allclose(
        down(x[..., :6]), F.avg_pool2d(F.conv2d(x[..., :6], down.weight * scale, down.bias, padding=1), 2)
    )
    assert torch.allclose(plain(x), F.conv2d(x, plain.weight * scale, plain.bias, padding=1))


def test_losses_by_hand():
    scores = torch.tensor([[1.0], [3.0]])
    assert (wasserstein(scores, real=True), wasserstein(scores, real=False), drift(scores)) == (-2, 2, 2.5)

    def critic(x):
        return x.flatten(1) @ torch.full((12,), 1.0)

    assert image_gradient_penalty(critic, torch.zeros(3, 3, 2, 2)).item() == pytest.approx((12**0.5 - 1) ** 2)


# -------------------------------------------------------------------- growing


@torch.no_grad()
def test_fading_goes_from_the_enlarged_image_below_to_the_new_one():
    generator, critic, z = small(), MODELS.build(CRITIC), torch.randn(4, 6)
    below, new = generator(z, 8), generator(z, 16)
    assert torch.equal(new, generator(z)) and torch.allclose(
        generator(z, 16, 0.0), F.interpolate(below, scale_factor=2)
    )
    assert torch.allclose(generator(z, 16, 0.25), 0.75 * F.interpolate(below, scale_factor=2) + 0.25 * new, atol=1e-6)
    assert torch.allclose(critic(new, 16, 0.0), critic(F.avg_pool2d(new, 2), 8), atol=1e-6)
    assert torch.equal(generator(z, 4, 0.3), generator(z, 4))


@pytest.mark.parametrize(
    'call, message',
    [
        (lambda g, d: g(torch.zeros(1, 6), 12), 'curr_scale=12 cannot work: the sides here are 4, 8, 16'),
        (lambda g, d: g(torch.zeros(1, 6), 32), 'curr_scale=32'),
        (lambda g, d: g(torch.zeros(1, 6), 8, 1.5), 'transition_weight=1.5 cannot work: it must be from 0 to 1'),
        (lambda g, d: d(torch.zeros(1, 3, 8, 8), 8, -0.1), 'transition_weight=-0.1'),
        (lambda g, d: g(torch.zeros(1, 6), 8, float('nan')), 'transition_weight=nan'),
        (lambda g, d: d(torch.zeros(1, 3, 8, 8), 16), r"\(1, 3, 8, 8\) do not fit: .* \('N', 3, 16, 16\)"),
        (lambda g, d: d(torch.zeros(1, 3, 8, 9)), 'curr_scale=9'),
        (lambda g, d: g(torch.zeros(1, 5), 8), r'latents of shape \(1, 5\)'),
        (lambda g, d: g(torch.zeros(1, 6), 8, base_size=5), 'weights for a grid of 4x4 .* grid of 5x5'),
    ],
)
def test_what_does_not_fit_is_explained(call, message):
    with pytest.raises(InputError, match=message):
        call(small(), MODELS.build(CRITIC))


def test_growth_by_the_released_schedule():
    """600 thousand images at 4 pixels; at each further side as many to fade in, and then as many again."""
    growth = Growth({'4': 600, '8': 1200, '16': 1200}, 600)
    places = [0, 599_999, 600_000, 900_000, 1_200_000, 1_799_999, 1_800_000, 2_400_000, 99_000_000]
    assert [growth.scale(n) for n in places] == [4, 4, 8, 8, 8, 8, 16, 16, 16]
    assert [growth.transition_weight(n) for n in places] == [1, 1, 0, 0.5, 1, 1, 0, 1, 1]
    assert Growth({4: 1, 8: 1}, 0).transition_weight(1000) == 1


def test_growth_of_a_config_that_was_written_and_read_again(tmp_path):
    """As every work dir has it; MMEngine sorts keys as text."""
    config = Config.fromfile(REPOSITORY / 'configs/_base_/models/pggan.py')
    config.dump(tmp_path / 'config.py')
    again = Config.fromfile(tmp_path / 'config.py').model.kimgs_per_scale
    assert list(again) != list(config.model.kimgs_per_scale)
    growth = Growth(again, 600)
    assert growth.scales == [4, 8, 16, 32, 64, 128]
    assert [growth.scale(1000 * kimgs) for kimgs in (599, 600, 1799, 1800, 3000, 4200, 5400)] == [
        *(4, 8, 8, 16, 32, 64, 128)
    ]


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(kimgs_per_scale={'4': 1, '16': 1}), r'sides \[4, 16\]: each must be twice'),
        (dict(kimgs_per_scale={'5': 1}), 'a side of kimgs_per_scale=5'),
        (dict(kimgs_per_scale={'all': 1}), "a side of kimgs_per_scale='all' cannot work"),
        (dict(kimgs_per_scale={'8': 0, '16': 1}), r'kimgs_per_scale\[8\]=0 cannot work: it must be above 0'),
        (dict(kimgs_per_scale={'4': 1, '8': 1}), 'ends at 8 pixels and the generator at 16'),
        (dict(transition_kimgs=-1), 'transition_kimgs=-1'),
        (dict(lr_factors={'32': 2}), 'lr_factors has the side 32'),
        (dict(losses=dict(adversarial=dict(drift_weight=-1))), 'drift_weight=-1 cannot work: it must be at least 0'),
        (dict(discriminator=dict(CRITIC, in_size=32)), 'the generator ends at 16 pixels and the discriminator at 32'),
    ],
)
def test_impossible_training_is_explained(settings, message):
    with pytest.raises(InputError, match=message):
        small_model(**settings)


# -------------------------------------------------------------------- batches


def sampler(start=0, rank=0, world_size=1):
    sampler = ResumableSampler(range(7), seed=1)
    sampler.start, sampler.rank, sampler.world_size = start, rank, world_size
    return sampler


def batches(num, **place):
    growing = GrowingBatchSampler(sampler(**place), batch_size=2, batch_sizes={'4': 4, '8': 3})
    growing.follow(small_model())
    return list(islice(growing, num))


def test_batches_shrink_as_images_grow():
    whole = batches(8)
    assert [len(b) for b in whole] == [4, 4, 3, 3, 3, 3, 2, 2]  # 8 images at 4 pixels, 12 at 8
    assert sum(whole, []) == list(islice(sampler(), 24))
    assert batches(3, start=14) == whole[4:7]
    assert [len(b) for b in batches(4, world_size=2)] == [4, 3, 3, 2]


def test_batches_that_cannot_be_are_explained():
    with pytest.raises(InputError, match=r'batch_sizes\[4\]=0 cannot work: it must be at least 1'):
        GrowingBatchSampler(sampler(), 2, {'4': 0})
    with pytest.raises(InputError, match='needs a model that grows, such as PGGANModel, not Linear'):
        GrowingBatchSampler(sampler(), 2, {'4': 4}).follow(torch.nn.Linear(1, 1))
    with pytest.raises(InputError, match='GrowingBatchSampler needs'):
        GrowingBatchSampler(torch.utils.data.SequentialSampler(range(3)), 2, {'4': 4})


# -------------------------------------------------------------------- padding, heads and sizes


@torch.no_grad()
@pytest.mark.parametrize('head', HEADS)
@pytest.mark.parametrize('padding', PADDINGS)
def test_any_padding_keeps_the_size(padding, head):
    generator = small(padding=padding, head=head)
    z = torch.randn(2, *generator.latent_shape())
    for side in (4, 8, 16):
        assert generator(z, side, 0.5).shape == (2, 3, side, side)


@torch.no_grad()
def test_without_padding_the_image_is_cut_out_of_a_larger_padded_one():
    unpadded, padded = small(padding='none', head=IID).double(), small(head=IID).double()
    padded.load_state_dict(unpadded.state_dict())
    z = torch.randn(1, 6, 18, 18).double()
    for side in (4, 8, 16):
        inside = unpadded(z[..., 4:14, 4:14], side, 0.4)  # a base size of 4, and three cells around it
        cut = slice(7 * side // 4, 11 * side // 4)
        assert torch.allclose(inside, padded(z, side, 0.4)[..., cut, cut])


def test_without_padding_nothing_tells_positions():
    for padding, moves in dict(none=True, zero=False).items():
        assert moves_with_its_latents(small(padding=padding, head=IID)) == moves


@torch.no_grad()
@pytest.mark.parametrize('padding', ['zero', 'none'])
def test_other_sizes_and_coordinates(padding):
    generator = small(head=dict(GRID, shared_latent=True), padding=padding)
    check_sizes_and_coordinates(generator)
    assert generator(torch.randn(2, 6), 8, base_size=(8, 6)).shape == (2, 3, 16, 12)


# -------------------------------------------------------------------- training


def run(model, optim_wrapper, iterations, num=4):
    losses = {}
    while int(model.iteration) < iterations:
        losses = model.train_step(batch(int(model.iteration), num, side=16), optim_wrapper)
    return losses


def test_both_networks_grow_together():
    model = small_model()
    optim_wrapper, seen = optimisers(model), []
    hook = dict(with_kwargs=True)
    model.generator.register_forward_pre_hook(
        lambda m, a, k: seen.append((k['curr_scale'], k['transition_weight'])), **hook
    )
    model.discriminator.register_forward_pre_hook(
        lambda m, a, k: seen.append((a[0].shape[-1], k['transition_weight'])), **hook
    )
    logged = [model.train_step(batch(i, 4, side=16), optim_wrapper) for i in range(8)]
    expected = [(4, 1), (4, 1), (8, 0), (8, 0.5), (8, 1), (16, 0), (16, 0.5), (16, 1)]
    assert [(int(found['scale']), float(found['transition_weight'])) for found in logged] == expected
    assert seen == [place for place in expected for _ in range(6)]
    assert set(logged[0]) == {
        'loss_fake', 'loss_real', 'loss_gradient_penalty', 'loss_generator', 'scale', 'transition_weight'
    }  # fmt: skip


def test_gradients_are_those_of_the_paper():
    """An iteration in the middle of a transition, written out on copies."""
    model = small_model().double()
    optim_wrapper = optimisers(model)
    run(model, optim_wrapper, 3)
    reference, kept = copy.deepcopy(model), {}
    for name in ('generator', 'discriminator'):
        network, step = getattr(model, name), optim_wrapper[name].step

        def keep(name=name, network=network, step=step):
            kept[name] = [None if p.grad is None else p.grad.clone() for p in network.parameters()]
            if name == 'generator':
                step()

        optim_wrapper[name].step = keep
    losses = model.train_step(batch(3, side=16), optim_wrapper)
    generator, critic = reference.generator, reference.discriminator.requires_grad_(True)
    update = reference._begin_update()
    reals = F.avg_pool2d(torch.stack(batch(3, side=16)['inputs']).double() / 127.5 - 1, 2)
    fakes = reference._generate(update, 'discriminator', 0, 4).detach()
    fake, real = critic(fakes, 8, 0.5), critic(reals, 8, 0.5)

    def rngs(purpose):
        return [random_generator(purpose, update.seed, update.iteration, number) for number in range(4)]

    share = torch.stack([torch.rand(1, 1, 1, generator=rng) for rng in rngs('gradient penalty')])
    between = (share * reals + (1 - share) * fakes).requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(between, 8, 0.5).sum(), between, create_graph=True)
    penalty = 10 * (gradient.pow(2).sum((1, 2, 3)).sqrt() - 1).pow(2).mean()
    (fake.mean() - real.mean() + penalty + 0.0005 * (fake.pow(2) + real.pow(2)).mean()).backward()
    z = torch.stack([torch.randn(6, generator=rng) for rng in rngs('generator')]).double()
    score = -critic(generator(z, 8, 0.5), 8, 0.5).mean()
    gradients = torch.autograd.grad(score, list(generator.parameters()), allow_unused=True)
    assert losses['loss_gradient_penalty'].item() == pytest.approx(penalty.item())
    assert losses['loss_generator'].item() == pytest.approx(score.item())
    found = dict(generator=gradients, discriminator=[p.grad for p in critic.parameters()])
    for name, expected in found.items():
        for own, other in zip(kept[name], expected):
            assert (own is None) == (other is None)
            assert own is None or torch.allclose(own, other, rtol=1e-7, atol=1e-10)


def test_optimisers_start_anew_at_each_side_and_at_its_rate():
    model = small_model(lr_factors={'8': 1.5, 16: 3})
    optim_wrapper, steps, rates = optimisers(model), [], []
    for i in range(7):
        model.train_step(batch(i, 4, side=16), optim_wrapper)
        for name in ('generator', 'discriminator'):
            optimizer = optim_wrapper[name].optimizer
            rates.append(optimizer.param_groups[0]['lr'])
            steps.append(max(int(s['step']) for s in optimizer.state.values()))
    assert steps[::2] == steps[1::2] == [1, 2, 1, 2, 3, 1, 2]
    assert rates[::2] == rates[1::2] == pytest.approx([0.002] * 2 + [0.003] * 3 + [0.006] * 2)


def test_images_have_the_full_size_while_they_grow():
    model = small_model(dict(head=IID), ema=None)
    optim_wrapper = optimisers(model)
    run(model, optim_wrapper, 1)
    image = model.sample(1)
    assert image.shape == (1, 3, 16, 16) and torch.equal(image, F.interpolate(image[..., ::4, ::4], scale_factor=4))
    run(model, optim_wrapper, 8)
    image = model.sample(1, (32, 20))
    assert image.shape == (1, 3, 32, 20) and not torch.equal(image[..., ::2, :], image[..., 1::2, :])
    assert torch.allclose(model.sample(3)[1:], model.sample(2, first=1), atol=1e-5)


def test_the_average_is_what_is_sampled():
    model = small_model(ema=dict(half_life=4))
    start = copy.deepcopy(model.generator_ema.state_dict())
    run(model, optimisers(model), 1)
    for name, value in model.generator_ema.state_dict().items():
        assert torch.allclose(value, (start[name] + model.generator.state_dict()[name]) / 2, atol=1e-6)


def double_model():
    return small_model(ema=dict(half_life=30)).double()


def test_two_processes_train_as_one(tmp_path):
    """Through two changes of side; each process's batch is a group of the minibatch statistics."""
    one, other = train_on_two(tmp_path, double_model, 6)
    assert_same(one, other)
    torch.manual_seed(0)
    model = double_model()
    run(model, optimisers(model), 6)
    for name, value in model.state_dict().items():
        assert torch.allclose(value.double(), one['model'][name].double(), rtol=1e-6, atol=1e-9), name


# -------------------------------------------------------------------- configs


@pytest.mark.parametrize('config', configs('pggan'), ids=lambda path: path.stem)
def test_config_grows_resumes_and_samples(config, tmp_path):
    """Sides 4, 8 and 16, with fading in; resumed in the middle of a transition."""
    widths = dict(base_channels=32, max_channels=8)
    model = dict(
        generator=dict(widths, out_size=16, latent_channels=8),
        discriminator=dict(widths, in_size=16),
        kimgs_per_scale=dict(KIMGS, _delete_=True),
        transition_kimgs=0.008,
        lr_factors=dict(_delete_=True, **{'16': 1.5}),
    )
    batch_sizes = dict(_delete_=True, **{'4': 8, '8': 6})
    loaded = check_run(
        tmp_path, config, model, iterations=5, resume_at=2, train_dataloader__batch_sampler__batch_sizes=batch_sizes
    )
    # 8 images at 4 pixels, 6 + 6 at 8, 4 + 4 at 16
    assert int(loaded.images_seen) == 28 and loaded.growth.scale(28) == 16
    assert int(loaded.stage) == 2


def test_released_schedules():
    folder = REPOSITORY / 'configs/pggan'
    small = {'4': 600, '8': 1200, '16': 1200, '32': 1200, '64': 1200}
    celeba = Config.fromfile(folder / 'pggan_8xb4-12Mimgs_celeba-cropped-128x128.py')
    large = Config.fromfile(folder / 'pggan_8xb4-12Mimg_celeba-hq-1024x1024.py')
    lsun = Config.fromfile(folder / 'pggan_8xb4-12Mimgs_lsun-bedroom-128x128.py')
    assert list(celeba.model.kimgs_per_scale.items()) == list({**small, '128': 12_000}.items())
    assert lsun.model == celeba.model
    assert list(large.model.kimgs_per_scale.items()) == [
        *small.items(), ('128', 1200), ('256', 1200), ('512', 1200), ('1024', 12_000)
    ]  # fmt: skip
    assert large.model.lr_factors == {'128': 1.5, '256': 2, '512': 3, '1024': 3}
    for cfg in (celeba, large, lsun):
        assert cfg.model.transition_kimgs == 600 and cfg.train_cfg.max_iters == 280_000
        loader = cfg.train_dataloader
        assert loader.batch_size == 4 and loader.batch_sampler.batch_sizes == {'4': 64, '8': 32, '16': 16, '32': 8}
        for name in ('generator', 'discriminator'):
            assert cfg.optim_wrapper[name].optimizer == dict(type='Adam', lr=0.001, betas=(0.0, 0.99))
    with pytest.raises(InputError, match='8 pixels'):
        MODELS.build(dict(celeba.model, kimgs_per_scale={'8': 1}))
