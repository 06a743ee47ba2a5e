"""float16: in StyleGAN2's largest resolutions alone, with limited activations, and losses scaled to fit into it."""

import copy

import pytest
import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapperDict
from singan_runs import assert_same, checkpoint, run
from stylegan2_models import batch, optimisers, small_model
from stylegan2_runs import tiny_config
from torch import nn

from mmpe.engine import Float16OptimWrapper
from mmpe.engine.hooks import FiniteLossHook
from mmpe.errors import InputError
from mmpe.models.losses import path_lengths, r1_penalty
from mmpe.registry import MODELS


def networks(num_fp16_res, **settings):
    """A generator of 32 pixels and a discriminator, of the same weights whatever the precision."""
    torch.manual_seed(0)
    settings = dict(max_channels=8, num_fp16_res=num_fp16_res, **settings)
    generator = dict(settings, type='StyleGenerator', out_size=32, style_channels=8, num_mapping_layers=2)
    generator['encoding'] = dict(type='SinusoidalEncoding', embedding_dim=4)
    generator['upsampling'] = dict(type='ConvThenBilinear')
    return MODELS.build(generator), MODELS.build(dict(settings, type='StyleDiscriminator', in_size=32, pool_size=2))


def maps_of(network, kind):
    """What layers of a kind give from here on, by their names."""
    found = {}
    for name, module in network.named_modules():
        if isinstance(module, kind):
            module.register_forward_hook(lambda module, x, y, name=name: found.__setitem__(name, y))
    return found


def score(generator, critic, z):
    return critic(generator(z, injected_noise='fixed'))


# -------------------------------------------------------------------- networks


@pytest.mark.parametrize('num', [0, 1, 3])
def test_only_the_largest_resolutions_are_in_float16(num):
    """By the official code's rule: the blocks of the largest sizes, and the discriminator's first layer."""
    generator, critic = networks(num)
    drawn, seen = maps_of(generator, nn.Conv2d), maps_of(critic, nn.Conv2d)
    scores = score(generator, critic, torch.randn(2, 8))
    assert scores.dtype == torch.float32
    in_half = {name.split('.layer')[0] for name, y in drawn.items() if y.dtype == torch.float16}
    assert in_half == {f'blocks.{i}.{conv}' for i in range(3 - num, 3) for conv in ('up', 'conv')}
    in_half = {name.rpartition('.')[0] for name, y in seen.items() if y.dtype == torch.float16}
    assert in_half == ({'', *(f'blocks.{i}' for i in range(num))} if num else set())


def test_float16_changes_little():
    """Float16 has 11 bits."""
    z = torch.randn(2, 8)
    expected, found = (score(*networks(num), z) for num in (0, 3))
    assert 0 < (found - expected).abs().max() < 0.01 * expected.abs().max()
    expected, found = (networks(num)[0](z, injected_noise='fixed') for num in (0, 3))
    assert 0 < (found - expected).abs().max() < 0.02 * expected.std()


def test_weights_have_the_same_names_and_gradients_in_float32():
    plain, half = networks(0), networks(2)
    for one, other in zip(plain, half):
        assert_same(other.state_dict(), one.state_dict())
    torch.manual_seed(1)
    z = torch.randn(2, 8)
    for pair in plain, half:
        score(*pair, z).sum().backward()
    for pair in zip(plain, half):
        assert all(p.grad.dtype == torch.float32 for p in pair[1].parameters())
        expected, found = (torch.cat([p.grad.flatten() for p in network.parameters()]) for network in pair)
        assert 0 < (found - expected).norm() < 0.02 * expected.norm()


@pytest.mark.parametrize('clamp', [256.0, 2.0])
def test_activations_are_limited(clamp):
    """Noise of strength 10^6 would give infinities: nothing beyond the limit is left, and gradients are finite."""
    generator, critic = networks(2, conv_clamp=clamp)
    for block in generator.blocks:
        block.up.noise_strength.data.fill_(1e6)
    nn.init.constant_(critic.from_rgb.bias, -1e7)
    maps = maps_of(generator.blocks, type(generator.first))
    images = generator(torch.randn(2, 8), injected_noise='fixed')
    largest = {name: y.unscaled().abs().max().item() for name, y in maps.items()}
    assert max(largest.values()) <= 1.01 * clamp
    assert largest['2.up'] == pytest.approx(clamp, rel=0.01)
    seen = maps_of(critic, type(critic.from_rgb)), maps_of(critic.blocks, type(critic.blocks[0]))
    scores = critic(images)
    assert seen[1]['0'].abs().max() <= 2.01 * clamp / 2**0.5
    scores.sum().backward()
    assert all(p.grad.isfinite().all() for network in (generator, critic) for p in network.parameters())


def test_penalties_are_in_full_precision():
    plain, half = networks(0), networks(3)
    real, noise, styles = torch.randn(2, 3, 32, 32), torch.randn(2, 3, 32, 32), torch.randn(2, 8, 8)
    for generator, critic in plain, half:
        r1_penalty(critic, real).backward()
        styles.requires_grad_(True).grad = None
        path_lengths(lambda s, G=generator: G.synthesize(s, injected_noise='fixed'), styles, noise).sum().backward()
    for one, other in zip(plain, half):
        assert_same([p.grad for p in other.parameters()], [p.grad for p in one.parameters()])


@pytest.mark.parametrize('network', [0, 1])
@pytest.mark.parametrize(
    'settings, said',
    [
        (dict(num_fp16_res=4), '^num_fp16_res=4 cannot work: it must be .*from 0 to 3'),
        (dict(num_fp16_res=-1), '^num_fp16_res=-1'),
        (dict(num_fp16_res=1.5), '^num_fp16_res=1.5'),
        (dict(conv_clamp=0), '^conv_clamp=0 cannot work'),
        (dict(conv_clamp=float('inf')), '^conv_clamp=inf'),
    ],
)
def test_what_no_network_has_is_refused(network, settings, said):
    config = [dict(type='StyleGenerator', out_size=32), dict(type='StyleDiscriminator', in_size=32)][network]
    with pytest.raises(InputError, match=said):
        MODELS.build(dict(config, max_channels=4, **settings))


# -------------------------------------------------------------------- scaled losses


def scaled(fused=False, **settings):
    torch.manual_seed(0)
    network = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, fused=fused)
    return network, Float16OptimWrapper(optimizer=optimizer, **settings)


def update(network, wrapper, factor):
    with wrapper.optim_context(network):
        loss = factor * network(torch.ones(1, 2)).float().sum()
    wrapper.backward(loss)
    wrapper.step()
    wrapper.zero_grad()


@pytest.mark.parametrize('autocast', [True, False])
@pytest.mark.parametrize('fused', [True, False])
def test_a_step_that_overflows_is_skipped_and_the_next_one_is_not(fused, autocast):
    """By hand: the gradient of each weight is the factor, so a step of .1 moves it by a tenth of that."""
    network, wrapper = scaled(fused, autocast=autocast)
    before = copy.deepcopy(network.state_dict())
    update(network, wrapper, float('inf'))
    assert_same(dict(network.state_dict()), dict(before))
    assert wrapper.loss_scaler.get_scale() == 2**15
    update(network, wrapper, 0.5)
    assert torch.allclose(network.weight, before['weight'] - 0.05)


def test_float16_overflows_where_float32_does_not():
    """Gradients of 2^10 times a scale of 2^16 are beyond 65504, until the scale is halved often enough."""
    network, wrapper = scaled()
    before = network.weight.clone()
    for _ in range(20):
        update(network, wrapper, 2.0**10)
        if not torch.equal(network.weight, before):
            break
    assert wrapper.loss_scaler.get_scale() == 2**5


@pytest.mark.parametrize('fused', [True, False])
@pytest.mark.parametrize('loss_scale', ['dynamic', 8.0])
def test_a_run_that_skips_for_long_ends_with_a_line(fused, loss_scale):
    network, wrapper = scaled(fused, loss_scale=loss_scale)
    with pytest.raises(InputError, match='^training has diverged: [0-9]+ steps in a row were skipped') as error:
        for _ in range(200):
            update(network, wrapper, float('nan'))
    assert '\n' not in str(error.value)
    network, wrapper = scaled(fused, loss_scale=loss_scale)
    for _ in range(60):  # never in a row
        update(network, wrapper, float('inf'))
        update(network, wrapper, 1.0)


def test_the_state_is_that_of_mmengines_wrapper():
    """Runs that have begun by ``--amp`` of earlier versions go on."""
    network, wrapper = scaled()
    update(network, wrapper, float('inf'))
    state = wrapper.state_dict()
    assert isinstance(wrapper, AmpOptimWrapper)
    assert {'scale', 'growth_factor', 'backoff_factor', 'growth_interval', '_growth_tracker'} == set(
        state['loss_scaler']
    )
    other, resumed = scaled()
    resumed.load_state_dict(copy.deepcopy(state))
    assert resumed.loss_scaler.get_scale() == 2**15


@pytest.mark.parametrize('scale, found', [(8.0, 8), (4, 4), (dict(init_scale=2.0, growth_interval=1), 2)])
def test_scales(scale, found):
    network, wrapper = scaled(loss_scale=scale)
    assert wrapper.loss_scaler.scale(torch.ones(())) == found
    update(network, wrapper, 1.0)
    assert wrapper.loss_scaler.get_scale() == (4 if isinstance(scale, dict) else found)


@pytest.mark.parametrize('scale', ['static', 0, -1.0, True, None])
def test_no_scales(scale):
    with pytest.raises(InputError, match='^loss_scale=.* cannot work'):
        scaled(loss_scale=scale)


# -------------------------------------------------------------------- training


def half_config(work_dir, **options):
    config = tiny_config(work_dir, iterations=3, **options)
    for network, wrapper in config.optim_wrapper.items():
        if network != 'constructor':
            wrapper.update(type='mmpe.Float16OptimWrapper', autocast=False)
    config.model.generator.num_fp16_res = config.model.discriminator.num_fp16_res = 2
    return config


def test_a_run_in_float16_is_resumed_to_the_bit(tmp_path):
    run(half_config(tmp_path / 'whole'))
    run(half_config(tmp_path / 'resumed', resume=True, load_from=str(tmp_path / 'whole/iter_2.pth')))
    for key in ('state_dict', 'optimizer'):
        assert_same(checkpoint(tmp_path / 'resumed', 3)[key], checkpoint(tmp_path / 'whole', 3)[key])


@pytest.mark.parametrize('wrapper', [Float16OptimWrapper, None])
def test_an_infinite_loss_ends_only_runs_that_cannot_skip_its_step(wrapper):
    model = small_model()
    wrappers = optimisers(model, *([wrapper] if wrapper else []))
    before = copy.deepcopy(dict(model.discriminator.named_parameters()))
    model.losses['adversarial'].of_scores = lambda scores, real: scores.sum() * float('inf')
    losses = model.train_step(batch(0), wrappers)
    assert not losses['loss_fake'].isfinite()
    runner = Runner(wrappers)
    if wrapper:
        FiniteLossHook().after_train_iter(runner, 0, outputs=losses)
        assert_same(dict(model.discriminator.named_parameters()), before)
        assert all(value.isfinite().all() for value in model.state_dict().values())
    else:
        with pytest.raises(InputError, match='^training has diverged at iteration 1: loss_fake='):
            FiniteLossHook().after_train_iter(runner, 0, outputs=losses)


class Runner:
    """What the hook asks for of MMEngine's runner."""

    iter = 0

    def __init__(self, wrappers: OptimWrapperDict):
        self.optim_wrapper = wrappers
        self.message_hub = self
        self.runtime_info = {}
