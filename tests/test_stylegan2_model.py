"""StyleGAN2's training rule: scales, losses, average, accumulation, precision, resuming, sampling."""

import copy
import io
import math
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper
from stylegan2_models import SCALES, batch, optimisers, small_model, train

from mmpe.engine import BFloat16OptimWrapper
from mmpe.errors import InputError
from mmpe.models.average import RunningAverage
from mmpe.models.stylegan2.scales import Scales
from mmpe.random_numbers import random_generator
from mmpe.registry import MODELS

ADVERSARIAL_ONLY = dict(r1=None, path_length=None)
ONE_SCALE = dict(offsets=(0,), probabilities=(1.0,))


class Plain(OptimWrapper):
    """Follows gradients without a step, and keeps them."""

    def step(self, **kwargs):
        self.gradients = [None if p.grad is None else p.grad.clone() for p in self.param_groups[0]['params']]


def heights(model):
    """Of all images that the discriminator sees from here on."""
    seen = []
    model.discriminator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape[-2]))
    return seen


def state(model, optim_wrapper):
    """All that a checkpoint holds, flat."""

    def flatten(value, name=''):
        if isinstance(value, dict):
            return {k: v for key, item in value.items() for k, v in flatten(item, f'{name}.{key}').items()}
        if isinstance(value, (list, tuple)):
            return flatten(dict(enumerate(value)), name)
        return {name: value}

    return flatten(dict(model=model.state_dict(), optimizer=optim_wrapper.state_dict()))


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        equal = torch.equal(value, other[name]) if isinstance(value, torch.Tensor) else value == other[name]
        assert equal, name


# -------------------------------------------------------------------- scales


def test_scales_are_drawn_as_configured():
    """Released fault 6.1: they were drawn uniformly."""
    scales = Scales((0, 2, 4), (0.6, 0.3, 0.1))
    drawn = [scales.draw(0, i) for i in range(4000)]
    shares = [drawn.count((side, side)) / 4000 for side in (4, 6, 8)]
    assert shares == pytest.approx([0.6, 0.3, 0.1], abs=0.03)  # four standard deviations


def test_a_scale_depends_on_seed_and_iteration_alone():
    scales = Scales(**SCALES)
    drawn = [scales.draw(1, i) for i in range(50)]
    torch.rand(7)
    assert [scales.draw(1, i) for i in reversed(range(50))] == drawn[::-1]
    assert [scales.draw(2, i) for i in range(50)] != drawn


def test_one_process_trains_all_scales():
    """Released fault 6.2: it trained one."""
    model = small_model(losses=ADVERSARIAL_ONLY)
    assert model.sizes == [(16, 16), (24, 24), (32, 32)]
    optim_wrapper, seen, logged = optimisers(model), heights(model), []
    for i in range(8):
        logged.append(int(model.train_step(batch(i, num=1), optim_wrapper)['scale']))
    assert set(seen) == {16, 24, 32}
    assert seen == [height for height in logged for _ in range(3)]  # generated, real, generated


@pytest.mark.parametrize(
    'scales, message',
    [
        (dict(offsets=(0, 2)), r'2 scales, \[0, 2\], but 1 probabilities, \[1.0\]'),
        (dict(offsets=(0, 2), probabilities=(0.5, 0.6)), r'must sum to 1: \[0.5, 0.6\] sum to 1.1'),
        (
            dict(offsets=(0, 2), probabilities=(1.5, -0.5)),
            r'probabilities\[0\]=1.5 .* from 0 to 1',
        ),
        (dict(offsets=(-4,)), r'offsets\[0\]=-4 cannot work: it must be at least -3'),
        (dict(offsets=(0.5,)), r'offsets\[0\]=0.5 cannot work: it must be a whole number, at least -3'),
        (dict(offsets=(), probabilities=()), 'sum to 0'),
    ],
)
def test_impossible_scales_are_explained(scales, message):
    with pytest.raises(InputError, match=message):
        small_model(scales=scales)


def test_probabilities_may_be_rounded():
    Scales((0, 2, 4), (1 / 3, 1 / 3, 0.3333334))


# -------------------------------------------------------------------- real pictures


def reals_seen(**settings):
    """What the discriminator is shown of a chequered picture, 64 pixels wide, at 16."""
    model = small_model(scales=ONE_SCALE, losses=ADVERSARIAL_ONLY, **settings)
    seen = []
    model.discriminator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    picture = torch.zeros(3, 64, 64, dtype=torch.uint8)
    picture[:, ::2, ::2] = picture[:, 1::2, 1::2] = 255
    model.train_step(dict(inputs=[picture] * 2), optimisers(model))
    return seen[1]


def test_real_pictures_are_antialiased():
    """A fine chequer becomes grey; the released way picks some of its pixels."""
    assert reals_seen()[..., 4:-4, 4:-4].abs().max() < 0.02
    assert reals_seen(resize=dict(mode='bilinear', align_corners=True)).abs().max() > 0.9


@pytest.mark.parametrize('stacked', [False, True])
def test_pixels_become_numbers_between_minus_one_and_one(stacked):
    model = small_model()
    pictures = [torch.full((3, 8, 8), value, dtype=torch.uint8) for value in (0, 255)]
    data = dict(inputs=torch.stack(pictures) if stacked else pictures)
    assert model._pictures(data)[:, 0, 0, 0].tolist() == [-1, 1]
    assert model._pictures(dict(inputs=torch.full((1, 3, 8, 8), 0.5))).unique().tolist() == [0.5]


# -------------------------------------------------------------------- losses


def test_gradients_are_those_of_the_paper():
    """One iteration with everything due, written out with plain autograd on copies of the networks."""
    model = small_model(scales=ONE_SCALE, mixing_probability=0).double()
    reference = copy.deepcopy(model)
    optim_wrapper = optimisers(model, Plain)
    losses = model.train_step(batch(0, side=16), optim_wrapper)
    generator, critic = reference.generator, reference.discriminator

    update = reference._begin_update()
    reals = torch.stack(batch(0, side=16)['inputs']).double() / 127.5 - 1
    fakes = reference._generate(update, 'discriminator', 0, 4).detach()
    loss_fake = -(1 - critic(fakes).sigmoid()).log().mean()
    loss_real = -critic(reals).sigmoid().log().mean()
    reals.requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(reals).sum(), reals, create_graph=True)
    loss_r1 = 3 * 10 / 2 * sum(g.pow(2).sum() for g in gradient) / 4
    (loss_fake + loss_real + loss_r1).backward()
    for p, found in zip(critic.parameters(), optim_wrapper['discriminator'].gradients):
        assert torch.allclose(p.grad, found, rtol=1e-9, atol=1e-12)

    loss_generator = -critic(reference._generate(update, 'generator', 0, 4)).sigmoid().log().mean()
    inputs, noises = reference._draw(update, 'path length', 0, 2)
    styles = generator.styles(**inputs)
    images = generator.synthesize(styles, (4, 4), injected_noise=noises)
    rngs = [random_generator('path length noise', update.seed, 0, number) for number in range(2)]
    y = torch.stack([torch.randn(3, 16, 16, generator=rng) for rng in rngs]).double() / 16
    (gradient,) = torch.autograd.grad((images * y).sum(), styles, create_graph=True)
    lengths = gradient.pow(2).sum(2).mean(1).sqrt()
    loss_path_length = 2 * 2 * lengths.pow(2).mean()  # the mean path length is still 0
    (loss_generator + loss_path_length).backward()
    for p, found in zip(generator.parameters(), optim_wrapper['generator'].gradients):
        assert torch.allclose(p.grad, found, rtol=1e-9, atol=1e-12)

    expected = dict(loss_fake=loss_fake, loss_real=loss_real, loss_r1=loss_r1)
    expected |= dict(loss_generator=loss_generator, loss_path_length=loss_path_length, scale=losses['scale'])
    assert losses == pytest.approx({name: float(value.detach()) for name, value in expected.items()})
    assert model.mean_path_length.item() == pytest.approx(0.01 * lengths.mean().item())


def test_path_lengths_are_held_to_their_running_mean():
    model = small_model(losses=dict(path_length=dict(interval=1))).double()
    optim_wrapper, lengths = optimisers(model, Plain), []
    loss = model.losses['path_length']
    measure = loss.measure
    loss.measure = lambda *args: lengths.append(measure(*args)) or lengths[-1]
    mean = 0.0
    for i in range(3):
        found = model.train_step(batch(i), optim_wrapper)['loss_path_length'].item()
        assert found == pytest.approx(2 * (lengths[-1] - mean).square().mean().item())
        mean += 0.01 * (lengths[-1].mean().item() - mean)
    assert model.mean_path_length.item() == pytest.approx(mean)


def test_regularisation_is_lazy():
    model = small_model()
    optim_wrapper = optimisers(model)
    found = [set(model.train_step(batch(i), optim_wrapper)) for i in range(7)]
    always = {'loss_fake', 'loss_real', 'loss_generator', 'scale'}
    assert all(always <= names for names in found)
    assert [i for i, names in enumerate(found) if 'loss_r1' in names] == [0, 3, 6]
    assert [i for i, names in enumerate(found) if 'loss_path_length' in names] == [0, 2, 4, 6]


@pytest.mark.parametrize('how', [None, dict(weight=0)])
def test_regularisation_can_be_left_out(how):
    model = small_model(losses=dict.fromkeys(ADVERSARIAL_ONLY, how))
    assert set(model.train_step(batch(0), optimisers(model))) == {'loss_fake', 'loss_real', 'loss_generator', 'scale'}


def test_each_network_learns_from_its_own_losses():
    model = small_model()
    optim_wrapper = optimisers(model, Plain)
    model.train_step(batch(0), optim_wrapper)
    for name in ('generator', 'discriminator'):
        assert all(g is not None and g.isfinite().all() for g in optim_wrapper[name].gradients), name
    assert all(p.grad is None for p in model.parameters())


def test_styles_are_mixed_as_often_as_configured():
    model = small_model(mixing_probability=0.7)
    model._begin_update()
    crossovers = []
    for i in range(1000):
        model.iteration.fill_(i + 1)
        inputs, _ = model._draw(model._begin_update(), 'generator', 0, 1)
        crossovers.append(inputs.get('crossover'))
    mixed = [crossover for crossover in crossovers if crossover is not None]
    assert len(mixed) / 1000 == pytest.approx(0.7, abs=0.06)
    assert set(mixed) == set(range(1, model.generator.num_latents))


def test_nothing_is_drawn_twice():
    model = small_model()
    drawn = []
    styles = model.generator.styles
    model.generator.styles = lambda z, **kwargs: drawn.extend(z if isinstance(z, list) else [z]) or styles(z, **kwargs)
    train(model, optimisers(model), 3)
    z = torch.cat(drawn)
    assert len(z) >= 3 * 8 and len(z.unique(dim=0)) == len(z)


# -------------------------------------------------------------------- the running average


def test_half_of_what_was_learnt_is_new_after_a_half_life():
    average = RunningAverage(half_life=96)
    assert average.decay(24, 1) ** 4 == pytest.approx(0.5)
    assert RunningAverage(half_life=96, ramp_up=0.05).decay(24, 480) == pytest.approx(0.5)
    assert RunningAverage(half_life=96, ramp_up=0.05).decay(24, 10**6) == average.decay(24, 1)


@pytest.mark.parametrize('ramp_up', [None, 0.5])
def test_average_is_that_of_a_hand_loop(ramp_up):
    model = small_model(ema=dict(half_life=20, ramp_up=ramp_up))
    optim_wrapper = optimisers(model)
    expected = [p.clone() for p in model.generator.parameters()]
    for i in range(5):
        model.train_step(batch(i), optim_wrapper)
        half_life = 20 if ramp_up is None else min(20, 4 * (i + 1) * ramp_up)
        beta = 2 ** (-4 / half_life)
        expected = [beta * old + (1 - beta) * new for old, new in zip(expected, model.generator.parameters())]
        for averaged, wanted in zip(model.generator_ema.parameters(), expected):
            assert torch.allclose(averaged, wanted, rtol=1e-5, atol=1e-7)
    for averaged, buffer in zip(model.generator_ema.buffers(), model.generator.buffers()):
        assert torch.equal(averaged, buffer)


def test_average_is_only_sampled():
    model = small_model()
    assert model.generator.training and not model.train().generator_ema.training
    assert not any(p.requires_grad for p in model.generator_ema.parameters())
    other = model.sample(1)
    with torch.no_grad():
        for p in model.generator.parameters():
            p.zero_()
    assert torch.equal(model.sample(1), other)


def test_without_average_the_generator_is_sampled():
    model = small_model(ema=None)
    train(model, optimisers(model), 1)
    assert not any('ema' in name for name in model.state_dict())
    assert model.sample(1).shape == (1, 3, 16, 16)


@pytest.mark.parametrize('ema', [dict(half_life=0), dict(ramp_up=0)])
def test_impossible_averages_are_explained(ema):
    with pytest.raises(InputError, match='must be above 0'):
        small_model(ema=ema)


# -------------------------------------------------------------------- accumulation


def test_two_times_two_pictures_are_four():
    """In everything but the groups of minibatch statistics, which here hold one image each."""
    whole = small_model(group_size=1).double()
    halves = copy.deepcopy(whole)
    one, two = optimisers(whole), optimisers(halves, accumulative_counts=2)
    for i in range(4):
        losses = whole.train_step(batch(i), one)
        pictures = batch(i)['inputs']
        first = halves.train_step(dict(inputs=pictures[:2]), two)
        assert 'loss_generator' not in first
        second = halves.train_step(dict(inputs=pictures[2:]), two)
        assert second['loss_generator'].item() == pytest.approx(losses['loss_generator'].item())
        found = (first['loss_real'] + second['loss_real']).item() / 2
        assert found == pytest.approx(losses['loss_real'].item())
        assert first['scale'] == second['scale'] == losses['scale']
    expected, found = state(whole, one), state(halves, two)
    for name, value in expected.items():
        if isinstance(value, torch.Tensor):
            assert torch.allclose(found[name], value, rtol=1e-7, atol=1e-10), name
    assert int(halves.iteration) == 4 and int(halves.images_seen) == 16


def test_an_update_that_was_cut_short_starts_again():
    """Gradients are in no checkpoint, and so what counts images does not count those of an unfinished update."""
    model = small_model()
    optim_wrapper = optimisers(model, accumulative_counts=2)
    for i in range(3):
        model.train_step(batch(i), optim_wrapper)
    assert int(model.iteration) == 1 and int(model.images_seen) == 8
    resumed = small_model()
    resumed.train_step(batch(9), optimisers(resumed, accumulative_counts=2))  # which loading forgets
    resumed.load_state_dict(model.state_dict())
    resumed.zero_grad()
    resumed_wrapper = optimisers(resumed, accumulative_counts=2)
    resumed_wrapper.load_state_dict(copy.deepcopy(optim_wrapper.state_dict()))
    model.train_step(batch(3), optim_wrapper)
    for i in (2, 3):
        resumed.train_step(batch(i), resumed_wrapper)
    assert_equal(state(resumed, resumed_wrapper), state(model, optim_wrapper))


# -------------------------------------------------------------------- precision


class Scaled(OptimWrapper):
    """What fp16 needs: gradients of losses many times too large, divided again before the step."""

    def backward(self, loss, **kwargs):
        super().backward(loss * 2**10, **kwargs)

    def step(self, **kwargs):
        for p in self.param_groups[0]['params']:
            p.grad /= 2**10
        super().step(**kwargs)


def test_scaled_losses_make_the_same_step():
    """The gradients inside of R1 and of the path length are not scaled with them."""
    plain = small_model().double()
    scaled = copy.deepcopy(plain)
    one, other = optimisers(plain), optimisers(scaled, Scaled)
    train(plain, one, 1)
    train(scaled, other, 1)
    for (name, p), q in zip(plain.named_parameters(), scaled.parameters()):
        assert torch.allclose(p, q, rtol=1e-9, atol=1e-12), name


def dtypes(network):
    """Of all that the network's modules give from here on; clear it to start anew."""
    seen = set()

    def note(module, inputs, output):
        values = output if isinstance(output, tuple) else [output]
        seen.update(value.dtype for value in values if isinstance(value, torch.Tensor))

    for module in network.modules():
        module.register_forward_hook(note)
    return seen


def test_mixed_precision_leaves_path_lengths_and_weights_in_float32():
    model = small_model()
    optim_wrapper = optimisers(model, BFloat16OptimWrapper)
    in_losses = {}
    for name, network in (('discriminator', model.discriminator), ('generator', model.generator)):
        seen, each, backward = dtypes(network), in_losses.setdefault(name, []), optim_wrapper[name].backward

        def follow(loss, seen=seen, each=each, backward=backward):
            each.append(set(seen))
            seen.clear()
            backward(loss)

        optim_wrapper[name].backward = follow
    losses = model.train_step(batch(0), optim_wrapper)
    fake, real, r1 = in_losses['discriminator']
    assert torch.bfloat16 in fake and torch.bfloat16 in real and torch.bfloat16 in r1
    fooled, path_length = in_losses['generator']
    assert torch.bfloat16 in fooled and path_length == {torch.float32}
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
    assert all(p.dtype == torch.float32 for p in model.parameters())


# -------------------------------------------------------------------- resuming


@pytest.mark.parametrize('stop', [1, 2, 3, 5])
def test_resumes_bit_for_bit(stop):
    model = small_model()
    optim_wrapper = optimisers(model)
    train(model, optim_wrapper, stop)
    file = io.BytesIO()
    torch.save(dict(model=model.state_dict(), optimizer=optim_wrapper.state_dict()), file)
    train(model, optim_wrapper, 6)

    torch.manual_seed(77)
    checkpoint = torch.load(io.BytesIO(file.getvalue()), weights_only=True)
    resumed = small_model()
    resumed_wrapper = optimisers(resumed)
    resumed.load_state_dict(checkpoint['model'])
    resumed_wrapper.load_state_dict(checkpoint['optimizer'])
    train(resumed, resumed_wrapper, 6)
    assert_equal(state(resumed, resumed_wrapper), state(model, optim_wrapper))


# -------------------------------------------------------------------- sampling


@pytest.fixture(scope='module')
def trained():
    torch.manual_seed(0)
    model = small_model()
    train(model, optimisers(model), 2)
    return model.eval()


def test_samples_differ_and_repeat(trained):
    a = trained.sample(3, seed=1)
    assert torch.equal(a, trained.sample(3, seed=1))
    assert not torch.allclose(a[0], a[1]) and not torch.allclose(a, trained.sample(3, seed=2))


def test_a_sample_does_not_depend_on_those_drawn_with_it(trained):
    together = trained.sample(4)
    for i in range(4):
        assert torch.allclose(trained.sample(1, first=i), together[i : i + 1], atol=1e-6)


def test_a_sample_has_one_z_at_all_sizes(trained):
    seen = []
    handle = trained.generator_ema.style_mapping.register_forward_pre_hook(lambda m, inputs: seen.append(inputs[0]))
    for size in (None, (16, 16), (24, 32), (40, 16)):
        image = trained.sample(2, size, first=5)
        assert image.shape == (2, 3, *(size or (16, 16)))
    handle.remove()
    drawn = [z for z in seen if len(z) == 2]
    assert len(drawn) == 4 and all(torch.equal(z, drawn[0]) for z in drawn)


def test_impossible_sizes_are_explained(trained):
    with pytest.raises(InputError, match='16'):
        trained.sample(1, (17, 16))


def test_truncation_moves_samples_together(trained):
    spread = [trained.sample(8, truncation=psi).std(0).mean().item() for psi in (0.2, 1.0)]
    assert spread[0] < spread[1]


def test_predicts_what_it_samples(trained):
    """In MMEngine's own way: a loader's batch of requests, some for other sizes."""
    requests = [dict(number=3, sizes=[(16, 16), (24, 32)]), dict(number=7, sizes=[(16, 16)])]
    found = trained.val_step(dict(inputs=requests))
    assert [item['number'] for item in found] == [3, 7]
    assert [list(item['images']) for item in found] == [[(16, 16), (24, 32)], [(16, 16)]]
    for item in found:
        for size, image in item['images'].items():
            expected = trained.sample(1, size, first=item['number'])[0].clamp(-1, 1)
            assert torch.allclose(image, expected, atol=1e-6)


def test_forward_samples(trained):
    assert torch.equal(trained(dict(num=2, seed=3)), trained.sample(2, seed=3))


# -------------------------------------------------------------------- what cannot be


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(losses=dict(r1=dict(interval=0))), 'losses.r1: interval=0 cannot work: it must be at least 1'),
        (dict(losses=dict(path_length=dict(shrink=0))), 'losses.path_length: shrink=0 cannot work'),
        (dict(losses=dict(r1=dict(weight=-1))), 'losses.r1: weight=-1 cannot work: it must be at least 0'),
        (dict(mixing_probability=1.1), 'mixing_probability'),
        (dict(resize=dict(mode='foo')), "resize={'mode': 'foo'} is not what interpolate takes"),
        (dict(resize=dict(interpolation='area')), 'is not what interpolate takes'),
    ],
)
def test_impossible_settings_are_explained(settings, message):
    with pytest.raises(InputError, match=message):
        small_model(**settings)


@pytest.mark.parametrize(
    'critic, message',
    [
        (dict(in_size=16, pool_size=None), 'trained at 24x24, which .* in_size=16 and pool_size=None cannot see'),
        (dict(in_size=128), 'trained at 16x16, which .* in_size=128'),
    ],
)
def test_scales_that_the_discriminator_cannot_see_are_explained(critic, message):
    with pytest.raises(InputError, match=message):
        small_model(critic=critic)


def test_without_discriminator_there_is_no_training():
    model = small_model(discriminator=False)
    assert model.sample(1).shape == (1, 3, 16, 16)
    with pytest.raises(InputError, match='no discriminator'):
        model.train_step(batch(0), None)


# -------------------------------------------------------------------- released names


def released(out_size=16, prefix='', **settings):
    """The released config f, merged over its bases, but for the widths."""
    return (
        dict(
            type=f'{prefix}MSPIEStyleGAN2',
            data_preprocessor=dict(type=f'{prefix}DataPreprocessor'),
            generator=dict(
                type=f'{prefix}MSStyleGANv2Generator',
                out_size=out_size,
                style_channels=16,
                head_pos_encoding=dict(
                    type=f'{prefix}SPE', embedding_dim=256, padding_idx=0, init_size=256, center_shift=100
                ),
                deconv2conv=True,
                up_after_conv=True,
                up_config=dict(scale_factor=2, mode='bilinear', align_corners=True),
                max_channels=8,
            ),
            discriminator=dict(
                type=f'{prefix}MSStyleGAN2Discriminator', in_size=out_size, with_adaptive_pool=True, max_channels=8
            ),
            ema_config=dict(
                type='ExponentialMovingAverage', interval=1, momentum=1.0 - (0.5 ** (32.0 / (10.0 * 1000.0)))
            ),
            loss_config=dict(
                r1_loss_weight=10.0 / 2.0 * 16,
                r1_interval=16,
                norm_mode='HWC',
                g_reg_interval=4,
                g_reg_weight=2.0 * 4,
                pl_batch_shrink=2,
            ),
            train_settings=dict(
                num_upblocks=int(math.log2(out_size)) - 2,
                multi_input_scales=[0, 2, 4],
                multi_scale_probability=[0.5, 0.25, 0.25],
            ),
        )
        | settings
    )


@pytest.mark.parametrize('prefix', ['', 'mmpe.'])
def test_released_model_trains(prefix):
    model = MODELS.build(released(prefix=prefix)).train()
    assert model.sizes == [(16, 16), (24, 24), (32, 32)]
    assert (model.losses['r1'].weight, model.losses['path_length'].weight) == pytest.approx((10, 2))
    assert model.average.half_life == pytest.approx(10_000)
    assert model.resize == dict(mode='bilinear', align_corners=True)
    before = model.generator.state_dict()['style_mapping.1.linear.weight_orig'].clone()
    losses = model.train_step(batch(0, num=1), optimisers(model))
    assert {'loss_r1', 'loss_path_length'} <= set(losses) and all(loss.isfinite() for loss in losses.values())
    assert not torch.equal(model.generator.state_dict()['style_mapping.1.linear.weight_orig'], before)


def test_released_pictures_are_found_and_become_rgb():
    """In the inputs or in data samples, stacked or not; a sample says what it was read as."""
    model = MODELS.build(released())
    red = torch.tensor([255, 0, 0], dtype=torch.uint8)[:, None, None].expand(3, 8, 8)
    expected = [1, -1, -1]
    sample = SimpleNamespace(gt_img=red.flip(0), metainfo=dict(gt_channel_order='bgr'))
    for data in (
        dict(inputs=[red]),
        dict(inputs=red[None]),
        dict(inputs=dict(img=[red])),
        dict(inputs={}, data_samples=[sample]),
        dict(inputs=[red.flip(0)], data_samples=[SimpleNamespace(metainfo=sample.metainfo)]),
    ):
        assert model._pictures(model.data_preprocessor(data, True))[0, :, 0, 0].tolist() == expected


@pytest.mark.parametrize('layout', ['0.x', '1.x', 'without average'])
def test_released_state_dicts_load(layout):
    trained, fresh = (MODELS.build(released()) for _ in range(2))
    networks = {name: getattr(trained, name).state_dict() for name in ('generator', 'discriminator', 'generator_ema')}
    networks['generator_ema'] = {name: value + 1 for name, value in networks['generator_ema'].items()}
    average = networks['generator_ema'] if layout != 'without average' else networks['generator']
    if layout != '0.x':
        networks['generator_ema'] = {f'module.{k}': v for k, v in networks['generator_ema'].items()}
        networks['generator_ema']['steps'] = torch.tensor(7)
    if layout == 'without average':
        del networks['generator_ema']
    released_state = {f'{name}.{k}': v for name, values in networks.items() for k, v in values.items()}
    where = 'gen_auxiliary_losses.0.mean_path_length' if layout == '0.x' else 'mean_path_length'
    fresh.load_state_dict({**released_state, where: torch.tensor(0.5)})
    for name, value in fresh.generator_ema.state_dict().items():
        if not name.endswith(('kernel', '_float_tensor')):
            assert torch.equal(value, average[name]), name
    assert fresh.mean_path_length == 0.5 and fresh.iteration == 0
    again = MODELS.build(released())
    again.load_state_dict(fresh.state_dict())
    assert_equal(again.state_dict(), fresh.state_dict())


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(generator_steps=2), 'generator_steps=2 is not supported'),
        (dict(train_settings=dict(num_upblocks=6)), 'num_upblocks=6 .* doubles its grid 2 times'),
        (dict(train_settings=dict(num_upblock=2)), 'num_upblock=2: mmpe has no such option'),
        (dict(loss_config=dict(norm_mode='pixel')), "norm_mode='pixel' is not supported"),
        (dict(ema_config=dict(type='ExponentialMovingAverage', interval=5)), 'interval=5 is not supported'),
        (dict(ema_config=dict(type='Swa')), "'Swa' is not supported"),
        (dict(train_settings=dict(multi_input_scales=[0, 2], multi_scale_probability=[1])), '2 scales'),
    ],
)
def test_released_arguments_without_counterpart_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        MODELS.build(released(**settings))


def test_released_ramp_up():
    model = MODELS.build(released(ema_config=dict(type='RampUpEMA', ema_kimg=20, ema_rampup=0.1)))
    assert (model.average.half_life, model.average.ramp_up) == (20_000, 0.1)


def test_released_single_scale():
    """Released config a: no train_settings, and each scale as likely where no probability says otherwise."""
    config = released(type='StyleGAN2')
    del config['train_settings']
    config['generator']['mix_prob'] = 0.5
    model = MODELS.build(config)
    assert model.sizes == [(16, 16)] and model.mixing_probability == 0.5
    model = MODELS.build(released(train_settings=dict(multi_input_scales=[0, 2])))
    assert model.scales.probabilities == (0.5, 0.5)
