"""SinGAN's networks and training rule: what they compute, what they freeze, what they remember."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch.utils._python_dispatch import TorchDispatchMode

from mmpe.datasets import SinGANDataset
from mmpe.errors import InputError
from mmpe.models.singan.blocks import ConvChain
from mmpe.random_numbers import random_generator
from mmpe.registry import MODELS, OPTIM_WRAPPERS

PADDINGS = [
    dict(type='PadInputOnce', mode='zero'),
    dict(type='PadInputOnce', mode='reflect'),
    dict(type='PadEachLayer'),
    dict(type='PadEachLayer', mode='reflect'),
    dict(type='PadEachLayer', mode='circular'),
    dict(type='OversizedNoise'),
]
CSG = dict(type='CartesianGrid')
SPE = dict(type='SinusoidalEncoding', embedding_dim=4)


def generator(num_scales=3, **settings):
    g = MODELS.build(dict(type='SinGANGenerator', num_scales=num_scales, base_channels=4, **settings)).eval()
    for block in g.blocks:
        for layer in block.layers:  # as trained: fresh weights give images of almost nothing
            torch.nn.init.normal_(layer.conv.weight, std=0.3)
    return g


def noises(g, sizes, num=1):
    return [torch.randn(num, *g.noise_shape(i, size)) for i, size in enumerate(sizes)]


def small_model(iters_per_scale=3, freeze_norm_at=0.5, **settings):
    model = MODELS.build(
        dict(
            type='SinGANModel',
            generator=dict(type='SinGANGenerator', base_channels=4, **settings),
            discriminator=dict(type='SinGANDiscriminator', base_channels=4),
            iters_per_scale=iters_per_scale,
            lr_milestones=(2,),
            freeze_norm_at=freeze_norm_at,
        )
    )
    dataset = SinGANDataset('skimage://rocket', min_size=18, max_size=32)
    model.set_pyramid(dataset.sizes)
    optimisers = OptimWrapperDict(
        **{
            name: OptimWrapper(torch.optim.Adam(getattr(model, name).parameters(), lr=5e-4, betas=(0.5, 0.999)))
            for name in ('generator', 'discriminator')
        }
    )
    data = dict(inputs={name: real[None] for name, real in dataset[0]['inputs'].items()})
    return model.train(), optimisers, data


def train(model, optimisers, data, iterations):
    for _ in range(iterations):
        losses = model.train_step(data, optimisers)
    return losses


# -------------------------------------------------------------------- the generator


@pytest.mark.parametrize('padding', PADDINGS)
@pytest.mark.parametrize('encoding', [None, CSG, SPE])
def test_noise_decides_the_size(padding, encoding):
    g = generator(padding=padding, encoding=encoding)
    sizes = [(9, 14), (13, 20), (21, 17)]
    images = g(noises(g, sizes, num=2), [1, 0.1, 0.1], return_all=True)
    assert [tuple(image.shape) for image in images] == [(2, 3, *size) for size in sizes]


def test_is_a_pure_function_of_the_noise():
    g = generator(encoding=CSG)
    maps = noises(g, [(9, 14), (13, 20)])
    copies = [m.clone() for m in maps]
    assert torch.equal(g(maps, [1, 0.1]), g(maps, [1, 0.1]))
    assert all(torch.equal(m, c) for m, c in zip(maps, copies))


def test_starts_from_an_image():
    g = generator()
    maps = noises(g, [(9, 14), (13, 20), (18, 28)])
    images = g(maps, [1, 0.1, 0.1], return_all=True)
    assert torch.equal(g(maps[1:], [0.1, 0.1], image=images[0], first_scale=1), images[2])


def test_head_border_is_zero_padding_of_noise_and_image():
    """Written out: five pixels of zeros around noise and enlarged image, valid convolutions, residual."""
    g = generator(2)
    maps = noises(g, [(9, 14), (13, 20)])
    block0, block1 = g.blocks
    image = block0(F.pad(maps[0].expand(-1, 3, -1, -1), [5] * 4))
    image = F.interpolate(image, (13, 20), mode='bicubic', align_corners=True)
    expected = image + block1(F.pad(0.3 * maps[1], [5] * 4) + F.pad(image, [5] * 4))
    assert torch.allclose(g(maps, [1, 0.3]), expected, atol=1e-6)


def test_coordinates_take_the_place_of_the_grid():
    g = generator(encoding=CSG, padding=dict(type='PadEachLayer'))
    maps = noises(g, [(9, 14), (13, 20)])
    grid = g.encoding.coordinates((9, 14))
    assert torch.equal(g(maps, [1, 0.1], coordinates=grid), g(maps, [1, 0.1]))
    mirrored = g(maps, [1, 0.1], coordinates=grid.flip(1))
    assert not torch.allclose(mirrored, g(maps, [1, 0.1]))


def test_an_encoding_has_a_weight():
    usual, weighty = (generator(encoding=CSG, encoding_weight=weight).double() for weight in (1.0, 2.5))
    weighty.load_state_dict(usual.state_dict())
    first, second = (noise.double() for noise in noises(usual, [(9, 14), (13, 20)]))
    more = first + 1.5 * usual.encoding((9, 14))
    torch.testing.assert_close(weighty([first, second], [1, 0.1]), usual([more, second], [1, 0.1]))


@pytest.mark.parametrize('settings', [dict(encoding=CSG, encoding_weight=-1), dict(encoding_weight=2)])
def test_a_weight_that_cannot_be_is_one_line(settings):
    with pytest.raises(InputError, match='^encoding_weight='):
        generator(**settings)


def test_without_padding_or_encoding_there_is_no_sense_of_place():
    """Without zero padding, what a pixel becomes does not depend on where it lies."""
    g = generator(1, padding=dict(type='OversizedNoise'))
    (noise,) = noises(g, [(20, 30)])
    assert torch.allclose(g([noise], [1])[..., 3:, 7:], g([noise[..., 3:, 7:]], [1]), atol=1e-6)
    placed = generator(1, padding=dict(type='OversizedNoise'), encoding=CSG)
    noise = torch.zeros(placed.noise_shape(0, (20, 30)))[None]
    assert not torch.allclose(placed([noise], [1])[..., 3:, 7:], placed([noise[..., 3:, 7:]], [1]), atol=1e-3)


@pytest.mark.parametrize(
    'call, message',
    [
        (lambda g, m: g(m * 4, [1] * 12), '12 noise maps'),
        (lambda g, m: g([], []), '0 noise maps'),
        (lambda g, m: g(m, [1]), '3 noise maps but 1 noise weights'),
        (lambda g, m: g(m, [1] * 3, coordinates=torch.zeros(9, 14, 2)), 'coordinates need a positional encoding'),
    ],
)
def test_wrong_calls_are_explained(call, message):
    g = generator()
    with pytest.raises(ValueError, match=message):
        call(g, noises(g, [(9, 14), (13, 20), (18, 28)]))


def test_coordinates_of_another_size_are_refused():
    g = generator(encoding=CSG)
    with pytest.raises(ValueError, match=r'\(9, 9, 2\) do not fit'):
        g(noises(g, [(9, 14)]), [1], coordinates=torch.zeros(9, 9, 2))


def test_noise_smaller_than_its_margin_is_refused():
    with pytest.raises(ValueError, match='too small'):
        generator(padding=dict(type='OversizedNoise'))([torch.zeros(1, 1, 10, 10)], [1])


def test_widths_double_every_fourth_scale_up_to_128():
    g = MODELS.build(dict(type='SinGANGenerator', num_scales=13))
    assert [block.width for block in g.blocks] == [32] * 4 + [64] * 4 + [128] * 5


@pytest.mark.parametrize('name', ['SinGANGenerator', 'SinGANPaletteGenerator', 'SinGANDiscriminator'])
def test_no_width_exceeds_the_maximum(name):
    def widths(maximum: int) -> list[int]:
        network = MODELS.build(dict(type=name, num_scales=9, base_channels=2, max_channels=maximum))
        return [block.width for block in network.blocks]

    assert widths(4) == [2] * 4 + [4] * 5
    assert widths(1) == [1] * 9
    with pytest.raises(InputError, match='max_channels=0 cannot work'):
        widths(0)


def test_spe_noise_has_all_eight_channels():
    """Released fault 6.10: one noise channel was spread over the eight of the encoding."""
    assert generator(encoding=SPE).noise_shape(0, (9, 14)) == (8, 9, 14)


# -------------------------------------------------------------------- the training rule


def test_number_of_scales_must_fit_the_picture():
    model = MODELS.build(dict(type='SinGANModel', generator=dict(type='SinGANGenerator', num_scales=9)))
    with pytest.raises(InputError, match=r'asks for 9 scales \(num_scales=8 where .* gives 4, 25x37 to 43x64'):
        model.set_pyramid(SinGANDataset('skimage://rocket', max_size=64).sizes)


def test_pyramids_of_more_than_ten_scales_keep_their_order():
    fresh = MODELS.build(
        dict(
            type='SinGANModel',
            generator=dict(type='SinGANGenerator', base_channels=4),
            discriminator=dict(type='SinGANDiscriminator', base_channels=4),
        )
    )
    data = dict(inputs={f'real_scale{i}': torch.zeros(1, 3, 12 + i, 14 + i) for i in range(12)})
    optimisers = OptimWrapperDict(
        generator=OptimWrapper(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1)),
        discriminator=OptimWrapper(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1)),
    )
    fresh.train_step(data, optimisers)
    assert fresh.sizes.tolist() == [[12 + i, 14 + i] for i in range(12)]


def test_a_finished_pyramid_is_not_trained_on():
    model, optimisers, data = small_model(iters_per_scale=1)
    train(model, optimisers, data, model.num_scales)
    with pytest.raises(InputError, match='all 3 scales are trained'):
        train(model, optimisers, data, 1)


def test_only_the_current_scale_learns():
    model, optimisers, data = small_model()
    train(model, optimisers, data, 4)
    before = {name: p.clone() for name, p in model.named_parameters()}
    buffers = {name: b.clone() for name, b in model.generator.blocks[0].named_buffers()}
    train(model, optimisers, data, 1)
    for name, p in model.named_parameters():
        learns = '.blocks.1.' in name and name != 'discriminator.blocks.1.tail.conv.bias'  # which cancels in the loss
        assert torch.equal(p, before[name]) != learns, name
    for name, b in model.generator.blocks[0].named_buffers():
        assert torch.equal(b, buffers[name]), name


def count_calls(module):
    calls = []
    module.register_forward_hook(lambda *args: calls.append(torch.is_grad_enabled()))
    return calls


def test_finished_scales_run_once_without_gradients():
    """Released fault 6.7: they were run with gradients in each of the nine passes of an iteration."""
    model, optimisers, data = small_model()
    model.freeze_norm_at = 1
    train(model, optimisers, data, 4)
    finished = count_calls(model.generator.blocks[0])
    current = count_calls(model.generator.blocks[1])
    train(model, optimisers, data, 1)
    assert finished == [False]
    assert current == [False] * 3 + [True, True] * 3  # D sees images without a graph, G makes fake and reconstruction


class ConvolvedIn(TorchDispatchMode):
    """The types of what is convolved within."""

    def __init__(self):
        super().__init__()
        self.dtypes = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.convolution.default:
            self.dtypes.add(args[0].dtype)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize('wrapper, dtype', [('OptimWrapper', torch.float32), ('BFloat16OptimWrapper', torch.bfloat16)])
def test_all_that_an_iteration_convolves_is_in_the_precision_of_the_optimizers(wrapper, dtype):
    model, optimisers, data = small_model(freeze_norm_at=1)
    train(model, optimisers, data, 4)
    wrappers = {
        name: OPTIM_WRAPPERS.build(dict(type=wrapper, optimizer=optimisers[name].optimizer))
        for name in ('generator', 'discriminator')
    }
    with ConvolvedIn() as found:
        train(model, OptimWrapperDict(**wrappers), data, 1)
    assert found.dtypes == {dtype}


def test_training_and_sampling_see_the_same_finished_scales():
    """Released fault 6.11: batch statistics in training, stored ones in sampling."""
    model, optimisers, data = small_model()
    train(model, optimisers, data, 4)
    rng = torch.Generator().manual_seed(5)
    ((noise, below),) = model._draw(1, 1, rng)
    maps = model.draw_noises(1, torch.Generator().manual_seed(5), model.sizes[:2].tolist())
    model.eval()
    image = model.generator(maps[:1], model.noise_weights)
    assert torch.equal(below, model.generator.enlarge(image, tuple(model.sizes[1].tolist())))
    assert torch.equal(noise, maps[1])


def test_a_settled_scale_is_trained_as_it_is_sampled():
    """From the middle of a scale on, by stored statistics that are those of random images."""
    model, optimisers, data = small_model(iters_per_scale=20)
    train(model, optimisers, data, 10)
    block = model.generator.blocks[0]
    assert block.head.bn.training
    train(model, optimisers, data, 1)
    stored = block.head.bn.running_mean.clone()
    assert not model.train().generator.blocks[0].head.bn.training
    train(model, optimisers, data, 8)
    assert torch.equal(block.head.bn.running_mean, stored)


def test_stored_statistics_are_those_of_random_images():
    model, optimisers, data = small_model(iters_per_scale=2)
    train(model, optimisers, data, 1)
    block = model.generator.blocks[0]
    model._store_statistics(0)
    rng = torch.Generator().manual_seed(9)
    maps = torch.randn(200, 1, 18, 27, generator=rng)
    with torch.no_grad():
        h = block.head.conv(model.generator.block_input(0, maps, 1))
    assert torch.allclose(block.head.bn.running_var, h.var((2, 3)).mean(0), rtol=0.15)
    assert torch.allclose(block.head.bn.running_mean, h.mean((0, 2, 3)), atol=0.1 * h.std())


def test_a_finished_scale_reconstructs_what_it_was_fitted_to():
    model, optimisers, data = small_model(iters_per_scale=30)
    train(model, optimisers, data, 29)
    error = train(model, optimisers, data, 1)['loss_reconstruction'].item() / model.losses['reconstruction'].weight
    left = F.mse_loss(model.eval().reconstruct(), data['inputs']['real_scale0']).item()
    assert left < 1.1 * error


def test_amplitude_is_a_tenth_of_what_the_bicubic_enlargement_leaves():
    """Released fault 6.8: it was measured on nearest-neighbour enlargements."""
    model, optimisers, data = small_model()
    train(model, optimisers, data, 3)
    real = data['inputs']['real_scale1']
    enlarged = F.interpolate(model.reconstruct(), real.shape[-2:], mode='bicubic', align_corners=True)
    expected = [1, 0.1 * (enlarged - real).square().mean().sqrt().item()]
    assert model.noise_weights[:2].tolist() == pytest.approx(expected, rel=1e-5)


def test_a_scale_starts_from_the_one_below_where_shapes_agree():
    model, optimisers, data = small_model()
    train(model, optimisers, data, 3)
    trained = {k: v.clone() for k, v in model.generator.blocks[0].state_dict().items()}
    model._begin_stage(1, data['inputs'])
    for name, value in model.generator.blocks[1].state_dict().items():
        assert torch.equal(value, trained[name]), name


def test_learning_rate_falls_in_every_scale():
    model, optimisers, data = small_model()
    rates = []
    for _ in range(6):
        train(model, optimisers, data, 1)
        rates.append(optimisers['generator'].get_lr()['lr'][0])
    assert rates == pytest.approx([5e-4, 5e-4, 5e-5] * 2)


def test_losses_are_those_of_the_paper():
    """One D step by plain autograd, from the same weights and draws."""
    model, optimisers, data = small_model()
    model.freeze_norm_at = 1
    model.discriminator_steps, model.generator_steps = 1, 0
    train(model, optimisers, data, 1)
    torch.manual_seed(0)
    reference, _, _ = small_model()
    reference.freeze_norm_at = 1
    reference.load_state_dict(model.state_dict())
    real = data['inputs']['real_scale0']
    rng = random_generator('training', int(model.seed), 0, 1, 0)
    ((noise, below),) = reference._draw(0, 1, rng)
    share = torch.rand(1, 1, 1, 1, generator=rng)
    critic = reference.discriminator.blocks[0]
    with torch.no_grad():
        fake = reference._generate(0, noise, below)
    x = (share * real + (1 - share) * fake).requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    penalty = 0.1 * ((gradient.norm(2, dim=1) - 1) ** 2).mean()
    loss = critic(fake).mean() - critic(real).mean()
    found = train(model, optimisers, data, 1)
    found_loss = found['loss_critic_fake'] + found['loss_critic_real']
    assert found_loss.item() == pytest.approx(loss.item(), rel=1e-4, abs=1e-6)
    assert found['loss_penalty'].item() == pytest.approx(penalty.item(), rel=1e-4)


# -------------------------------------------------------------------- sampling


@pytest.fixture(scope='module')
def trained():
    torch.manual_seed(0)
    model, optimisers, data = small_model(encoding=CSG, padding=dict(type='PadEachLayer'))
    train(model, optimisers, data, 3 * model.num_scales)
    return model.eval()


def test_samples_differ_and_repeat(trained):
    a = trained.sample(3, seed=1)
    assert torch.equal(a, trained.sample(3, seed=1))
    assert not torch.allclose(a[0], a[1]) and not torch.allclose(a, trained.sample(3, seed=2))


@pytest.mark.parametrize('seed', [0, 1])
def test_no_noise_is_drawn_twice(seed):
    """z*, the first training draws, those for statistics and the first samples, all with a seed of zero or one."""
    torch.manual_seed(seed)
    model, optimisers, data = small_model(encoding=CSG, freeze_norm_at=0)
    drawn = []
    draw = model.draw_noises
    model.draw_noises = lambda *args, **kwargs: drawn.append(draw(*args, **kwargs)) or drawn[-1]
    train(model, optimisers, data, 2)
    model.eval().sample(2, seed=seed)
    first_scale = torch.cat([model.fixed_noise, *(maps[0] for maps in drawn)]).flatten(1)
    assert len(first_scale) > 20 and len(first_scale.unique(dim=0)) == len(first_scale)


def test_a_sample_does_not_depend_on_those_drawn_with_it(trained):
    together = trained.sample(4)
    for i in range(4):
        assert torch.allclose(trained.sample(1, first=i), together[i : i + 1], atol=1e-6)


@pytest.mark.parametrize('size', [(21, 32), (21, 64), (50, 20), (40, 90)])
@pytest.mark.parametrize('start_scale', [0, 1])
def test_any_size_from_any_scale(trained, size, start_scale):
    assert trained.sample(2, size, start_scale).shape == (2, 3, *size)


def test_start_scale_keeps_the_reconstruction_below(trained):
    spread = [trained.sample(8, start_scale=s).std(0).mean().item() for s in range(trained.num_scales)]
    assert spread == sorted(spread, reverse=True)


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(start_scale=9), 'start scale 9 does not exist: the trained scales are 0 to'),
        (dict(start_scale=-1), 'start scale -1'),
        (dict(size=(1, 32)), 'too small'),
    ],
)
def test_impossible_samples_are_explained(trained, settings, message):
    with pytest.raises(InputError, match=message):
        trained.sample(**settings)


def test_state_dict_alone_is_enough(trained):
    other = MODELS.build(
        dict(
            type='SinGANModel',
            generator=dict(type='SinGANGenerator', base_channels=4, encoding=CSG, padding=dict(type='PadEachLayer')),
            discriminator=dict(type='SinGANDiscriminator', base_channels=4),
        )
    )
    other.load_state_dict(trained.state_dict())
    other.eval()
    assert torch.equal(other.sample(2), trained.sample(2))
    assert torch.equal(other.reconstruct(), trained.reconstruct())
    assert torch.equal(other.picture, SinGANDataset('skimage://rocket', min_size=18, max_size=32).reals[-1])


def test_another_picture_is_refused(trained):
    other, _, _ = small_model()
    state = trained.state_dict()
    state['sizes'] = state['sizes'] + 1
    with pytest.raises(InputError, match='give the picture, min_size and max_size that it was trained with'):
        other.load_state_dict(state)


@pytest.mark.parametrize('norm', [dict(type='BN'), None])
@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('widths', [(4, 8), (5, 12)])
def test_a_widened_chain_computes_the_same_and_its_copies_learn_apart(widths, training, norm):
    narrow, wide = (ConvChain(3, 2, width, norm_cfg=norm).double().train(training) for width in widths)
    for name, value in narrow.state_dict().items():
        if name.endswith('conv.weight'):
            value.normal_(std=0.3)
        elif value.is_floating_point():
            value.uniform_(0.5, 1)
    wide.widen(narrow, torch.Generator().manual_seed(0))
    x = torch.randn(2, 3, 16, 17, dtype=torch.float64)
    torch.testing.assert_close(wide(x), narrow(x))
    optimiser = torch.optim.Adam(wide.parameters(), lr=0.01)
    for _ in range(2):
        optimiser.zero_grad()
        wide(torch.rand_like(x)).square().mean().backward()
        optimiser.step()
    first, copy = wide.head.conv.weight[0], wide.head.conv.weight[widths[0]]
    assert (first - copy).abs().max() > 1e-5


def test_wider_scales_start_from_the_scale_below_if_asked_for():
    def begun(seed=0, **options):
        model = MODELS.build(
            dict(
                type='SinGANModel',
                generator=dict(type='SinGANGenerator', base_channels=4, encoding=CSG),
                discriminator=dict(type='SinGANDiscriminator', base_channels=4),
                **options,
            )
        )
        model.set_pyramid([(20, 20)] * 6)
        model.set_numbers('seed', seed)
        return model, [[model._begin_block(number, stage) for stage in range(6)] for number in range(2)]

    fresh, below, widened = 'fresh weights', 'the weights of the scale below', 'the widened weights of the scale below'
    (_, released), (model, starts), (other, _) = begun(), begun(widen=True), begun(widen=True, seed=1)
    assert released == [[fresh, fresh, below, below, fresh, below], [fresh, below, below, below, fresh, below]]
    assert starts == [[fresh, fresh, below, below, widened, below], [fresh, below, below, below, widened, below]]
    critic, x = model.discriminator.blocks, torch.rand(1, 3, 20, 20)
    torch.testing.assert_close(critic[5](x), critic[3](x))
    assert not torch.equal(critic[4].tail.conv.weight, other.discriminator.blocks[4].tail.conv.weight)
