"""Released DCGANs and Progressive GANs: their models build and train, and their checkpoints become mmpe's."""

import pytest
import torch
from classic_runs import REPOSITORY, assert_near, golden
from mmengine.registry import DefaultScope
from stand_in_weights import fill, noise
from stylegan2_models import batch, optimisers
from tool_runs import run_tool

from mmpe.apis import load
from mmpe.compat.checkpoints import convert
from mmpe.errors import InputError
from mmpe.models.dcgan import DCGANModel
from mmpe.models.pggan import PGGANModel
from mmpe.registry import MODELS

DCGAN = dict(
    type='DCGAN',
    noise_size=10,
    data_preprocessor=dict(type='DataPreprocessor'),
    generator=dict(type='DCGANGenerator', output_scale=32, base_channels=16),
    discriminator=dict(type='DCGANDiscriminator', input_scale=32, base_channels=4),
)
GREY = dict(DCGAN, generator=dict(DCGAN['generator'], out_channels=1), discriminator=None)
KIMGS = {'4': 0.008, '8': 0.016, '16': 0.016, '32': 0.016}
PGGAN = dict(
    type='ProgressiveGrowingGAN',
    data_preprocessor=dict(type='DataPreprocessor'),
    noise_size=12,
    generator=dict(type='PGGANGenerator', out_scale=32, base_channels=64, max_channels=16),
    discriminator=dict(type='PGGANDiscriminator', in_scale=32, base_channels=64, max_channels=16),
    nkimgs_per_scale=KIMGS,
    transition_kimgs=0.008,
    ema_config=dict(interval=1),
)
PLACES = [(4, 1.0), (8, 0.25), (8, 1.0), (16, 0.0), (32, 0.6), (32, 1.0)]


def grown(side=32, weight=1.0, shown=0.06):
    """The entries of a released Progressive GAN that say where in its growth it is."""
    return dict(
        shown_nkimg=torch.tensor(shown),
        _curr_transition_weight=torch.tensor(weight),
        _next_scale_int=torch.tensor(side, dtype=torch.int32),
        _curr_scale_int=torch.tensor(side, dtype=torch.int32),
    )


class Released:
    """A released checkpoint, of either layout of the running average or without one, and its networks."""

    def __init__(self, folder, config, tag, average=None, gain=1.0, **more):
        self.folder, self.config = folder, config
        self.generator = fill(
            MODELS.build(dict(config['generator'], noise_size=config['noise_size'])), tag, gain
        ).eval()
        self.average = fill(MODELS.build(dict(config['generator'], noise_size=config['noise_size'])), f'{tag}.average')
        parts = {'generator.': self.generator}
        parts |= {average: self.average.eval()} if average else {}
        if config['discriminator']:
            self.critic = fill(MODELS.build(config['discriminator']), f'{tag}.disc').eval()
            parts['discriminator.'] = self.critic
        state = {prefix + key: value for prefix, part in parts.items() for key, value in part.state_dict().items()}
        if average == 'generator_ema.module.':
            state['generator_ema.steps'] = torch.tensor(3)
        self.state = {**state, **more}

    def convert(self, config=None):
        torch.save(dict(meta={}, state_dict=self.state), self.folder / 'released.pth')
        if config:
            (self.folder / 'config.py').write_text(config)
        convert(self.folder / 'released.pth', self.folder / 'out.pth', config=config and self.folder / 'config.py')
        return load(self.folder / 'out.pth')


def assert_close(actual, expected):
    """To what float32 sums of other factors differ by."""
    assert (actual - expected).abs().max() <= 1e-5 * expected.abs().max()


# -------------------------------------------------------------------- models


@pytest.mark.parametrize(
    'config, last',
    [
        (DCGAN, 'output_layer.conv.bias'),
        (dict(GREY, discriminator=dict(DCGAN['discriminator'], in_channels=1)), 'output_layer.conv.bias'),
        (PGGAN, 'torgb_layers.0.conv.bias'),
    ],
    ids=['dcgan', 'grey', 'pggan'],
)
def test_a_released_model_trains(config, last):
    with DefaultScope.overwrite_default_scope('mmpe'):
        model = MODELS.build(config).train()
        before, optim_wrapper = model.generator.state_dict()[last].clone(), optimisers(model)
        losses = model.train_step(batch(0, side=32), optim_wrapper)
    assert all(loss.isfinite() for loss in losses.values())
    assert not torch.equal(model.generator.state_dict()[last], before)
    assert model.generator.latent_channels == config['noise_size']


def test_released_settings_are_mmpes():
    model = MODELS.build(PGGAN)
    assert model.average.half_life == pytest.approx(32 * 3465.4, rel=1e-4)  # log(1/2) / log(1 - .0002) updates
    assert model.growth.scales == [4, 8, 16, 32] and model.growth.transition_weight(12) == 0.5
    assert dict(model.resize) == dict(mode='bilinear', align_corners=True)
    assert MODELS.build(DCGAN).generator_ema is None
    assert MODELS.build(dict(PGGAN, type='PGGAN', ema_config=None)).generator_ema is None


@pytest.mark.parametrize(
    'config, message',
    [
        (dict(DCGAN, generator_steps=2), 'generator_steps=2'),
        (dict(DCGAN, loss_config=dict(weight=1)), 'loss_config='),
        (dict(DCGAN, generator=dict(DCGAN['generator'], noise_size=4)), 'noise_size=10 .* does not fit noise_size=4'),
        (dict(PGGAN, prev_stage=3), 'prev_stage=3'),
        (dict(PGGAN, ema_config=dict(interval=2)), 'interval=2'),
        (dict(PGGAN, ema_config=dict(type='Median')), "'Median' is not supported"),
        (dict(PGGAN, nkimgs_per_scale={'4': 1}), 'ends at 4 pixels and the generator at 32'),
    ],
)
def test_what_cannot_be_honoured_is_named(config, message):
    with pytest.raises(InputError, match=message):
        MODELS.build(config)


@pytest.mark.parametrize('average', [None, 'generator_ema.', 'generator_ema.module.'])
def test_a_released_model_loads_a_released_state_dict(tmp_path, average):
    released = Released(tmp_path, PGGAN, 'pggan.small', average, **grown(8, 0.5, shown=0.012))
    model = MODELS.build(PGGAN)
    model.load_state_dict(dict(released.state))
    assert int(model.images_seen) == 12 and model.growth.scale(12) == 8
    sampled, z = released.average if average else released.generator, noise('z12', (3, 12))
    assert torch.equal(model.generator_ema(z), sampled(z)) and torch.equal(model.generator(z), released.generator(z))


@pytest.mark.parametrize('config', [DCGAN, dict(DCGAN, ema_config=dict(interval=1))], ids=['alone', 'averaged'])
def test_a_released_dcgan_loads_a_released_state_dict(tmp_path, config):
    """It holds networks alone: neither counters nor the weights that make gray of colors."""
    released = Released(tmp_path, DCGAN, 'dcgan', gain=0.05)
    model = MODELS.build(config)
    model.images_seen.fill_(7)
    model.load_state_dict(dict(released.state))
    z = noise('z100', (4, 100))[:, :10]
    assert torch.equal(model.eval().sampled_generator(z), released.generator(z)) and int(model.images_seen) == 7


# -------------------------------------------------------------------- checkpoints


@torch.no_grad()
@pytest.mark.parametrize('shape', ['small', 'released'])
def test_a_dcgan_is_the_released_one_in_rgb(tmp_path, shape):
    config, side = DCGAN, 32
    if shape == 'released':
        side, generator = 64, dict(type='DCGANGenerator', output_scale=64, base_channels=1024)
        critic = dict(DCGAN['discriminator'], input_scale=64)
        config = dict(DCGAN, noise_size=100, generator=generator, discriminator=critic)
    released = Released(tmp_path, config, 'dcgan', gain=0.05)
    model = released.convert()
    assert type(model) is DCGANModel and model.generator_ema is None
    z = noise('z100', (4, 100))[:, : config['noise_size']]
    assert_close(model.generator(z), released.generator(z).flip(1))
    if shape == 'released':
        assert_near(model.generator(z).flip(1)[..., ::4, ::4], golden('dcgan.64'), golden('std')[0])
    images = noise(f'img{side}', (4, 3, side, side))
    assert_close(model.discriminator(images), released.critic(images.flip(1)))


@torch.no_grad()
def test_a_grey_dcgan_keeps_its_images(tmp_path):
    model = Released(tmp_path, GREY, 'dcgan.small', gain=0.2).convert()
    assert model.discriminator is None
    images = model.generator(noise('z10', (3, 10)))
    assert_near(images[:2, :, ::2, ::2], golden('dcgan.small'))


@torch.no_grad()
@pytest.mark.parametrize('fused', [True, False])
@pytest.mark.parametrize('average', ['generator_ema.', 'generator_ema.module.'])
def test_a_progressive_gan_is_the_released_one_in_rgb(tmp_path, average, fused):
    """At every side; the fused layers of the released code divide their weights by another fan."""
    name = 'pggan.small' if fused else 'pggan.unfused'
    config = dict(PGGAN, generator=dict(PGGAN['generator'], fused_upconv=fused))
    released = Released(tmp_path, config, name, average, **grown())
    model, z = released.convert(), noise('z12', (3, 12))
    assert type(model) is PGGANModel
    for side, weight in PLACES:
        for own, theirs in ((model.generator, released.generator), (model.generator_ema, released.average)):
            assert_close(own(z, side, weight), theirs(z, side, weight).flip(1))
        images = model.generator(z, side, weight).flip(1)
        assert_near(images[:2, :, ::2, ::2] if side == 32 else images, golden(f'{name}.{side}.{weight}'))
        pictures = noise(f'img{side}', (4, 3, side, side))
        scores = model.discriminator(pictures, side, weight), released.critic(pictures.flip(1), side, weight)
        assert_close(*scores)
    sampled = model.sample(2)
    assert sampled.shape == (2, 3, 32, 32) and not torch.equal(sampled[..., ::2, :], sampled[..., 1::2, :])


@torch.no_grad()
def test_a_progressive_gan_of_the_released_size(tmp_path):
    config = dict(PGGAN, noise_size=512, generator=dict(type='PGGANGenerator', out_scale=128), discriminator=None)
    model = Released(tmp_path, config, 'pggan').convert()
    images = model.generator(noise('z', (2, 512)), curr_scale=64, transition_weight=0.3).flip(1)
    assert_near(images[..., ::4, ::4], golden('pggan.64.0.3'), golden('std')[1])


@torch.no_grad()
def test_a_critic_of_another_recipe_is_told_by_its_weights(tmp_path):
    critic = dict(PGGAN['discriminator'], mbstd_cfg=None, max_channels=64)
    released = Released(tmp_path, dict(PGGAN, discriminator=critic), 'pggan.small', **grown())
    pictures = noise('img32', (4, 3, 32, 32))
    assert_close(released.convert().discriminator(pictures), released.critic(pictures.flip(1)))


@torch.no_grad()
@pytest.mark.parametrize('schedule', ['model', 'train_cfg', 'mmpe'])
def test_a_progressive_gan_in_the_middle_of_growing_needs_its_config(tmp_path, schedule):
    released = Released(tmp_path, PGGAN, 'pggan.small', 'generator_ema.', **grown(8, 0.25, shown=0.010))
    with pytest.raises(InputError, match=r'after 10 images .* 8 pixels, faded in by 0.25, .* --config'):
        released.convert()
    model = {key: value for key, value in PGGAN.items() if key not in ('nkimgs_per_scale', 'transition_kimgs')}
    growth = dict(nkimgs_per_scale=KIMGS, transition_kimgs=0.008)
    own = dict(base_channels=64, max_channels=16)
    configs = dict(
        model=f'model = {model | growth}',  # mmagic 1.x
        train_cfg=f'model = {model}\ntrain_cfg = {growth}',  # mmgeneration 0.x
        mmpe=f"""model = dict(
            generator=dict(type='GrowingGenerator', out_size=32, latent_channels=12, **{own}),
            discriminator=dict(type='GrowingDiscriminator', in_size=32, **{own}),
            kimgs_per_scale={KIMGS}, transition_kimgs=0.008)""",
    )
    model = released.convert(configs[schedule])
    expected = released.average(model._normal([torch.Generator().manual_seed(0)], 12), 8, 0.25).flip(1)
    drawn = model._draw_images(model.generator_ema, [torch.Generator().manual_seed(0)], None)
    assert_close(drawn[..., ::4, ::4], expected)


@torch.no_grad()
def test_the_config_tells_what_weights_do_not(tmp_path):
    critic = dict(DCGAN['discriminator'], default_act_cfg=dict(type='LeakyReLU', negative_slope=0.2))
    config = dict(DCGAN, discriminator=critic)
    released = Released(tmp_path, config, 'dcgan', gain=0.05)
    images = noise('img32', (4, 3, 32, 32))
    expected = released.critic(images.flip(1))
    assert not torch.allclose(released.convert().discriminator(images), expected, rtol=1e-3)
    assert_close(released.convert(f'model = {config}').discriminator(images), expected)


@pytest.mark.parametrize(
    'change, config, message',
    [
        (dict(), 'model = dict(type="DCGAN")', 'no model.generator'),
        (dict(), f'model = {dict(DCGAN, noise_size=9)}', 'weights do not fit the config: .*head.linear.weight'),
        ({'generator.output_layer.conv.bias': None}, None, 'weights do not fit the config: .*last.bias'),
        ({'generator.noise2feat.conv.weight': None}, None, 'no released SinGAN, StyleGAN2, DCGAN or Progressive GAN'),
    ],
)
def test_what_does_not_fit_is_explained(tmp_path, change, config, message):
    released = Released(tmp_path, DCGAN, 'dcgan', gain=0.05)
    for name in change:
        del released.state[name]
    with pytest.raises(InputError, match=message):
        released.convert(config)


def test_the_tool_says_what_it_wrote(tmp_path):
    Released(tmp_path, PGGAN, 'tool', **grown()).convert()
    tool = REPOSITORY / 'tools/convert_checkpoint.py'
    done = run_tool(tool, tmp_path / 'released.pth', '--out', tmp_path / 'new.pth')
    assert done.returncode == 0, done.stderr
    assert 'PGGANModel, 32x32' in done.stdout and load(tmp_path / 'new.pth').sample(2).shape == (2, 3, 32, 32)
