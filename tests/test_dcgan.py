"""DCGAN: against the released implementation, without padding, at other sizes, and trained."""

import copy

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

from mmpe.errors import InputError
from mmpe.registry import MODELS

SMALL = dict(out_size=16, latent_channels=6, channels=8)
WAVES = dict(IID, encoding=dict(type='SinusoidalEncoding', embedding_dim=4))


def small(**settings):
    return MODELS.build(dict(SMALL, type='ConvGenerator') | settings).eval()


def small_model(generator=None, critic=None, **settings):
    generator = dict(SMALL, type='ConvGenerator') | (generator or {})
    critic = dict(type='ConvDiscriminator', in_size=16, channels=4) | (critic or {})
    return MODELS.build(dict(type='DCGANModel', generator=generator, discriminator=critic) | settings).train()


# -------------------------------------------------------------------- released


@torch.no_grad()
def test_released_generator():
    generator = fill(MODELS.build(dict(type='DCGANGenerator', output_scale=64, base_channels=1024)), 'dcgan', 0.05)
    assert shapes(generator) == SHAPES['dcgan-generator-64']
    images = generator.eval()(noise('z100', (4, 100)))
    assert images.shape == (4, 3, 64, 64)
    assert_near(images[..., ::4, ::4], golden('dcgan.64'), golden('std')[0])


@torch.no_grad()
@pytest.mark.parametrize('mode', ['train', 'eval'])
def test_released_discriminator(mode):
    config = dict(type='DCGANDiscriminator', input_scale=64, output_scale=4, out_channels=1)
    critic = fill(MODELS.build(config), 'dcgan.disc', 0.05).train(mode == 'train')
    assert shapes(critic) == SHAPES['dcgan-discriminator-64']
    assert_near(critic(noise('img64', (4, 3, 64, 64))), golden(f'dcgan.disc.{mode}'))


@torch.no_grad()
@pytest.mark.parametrize('mode', ['train', 'eval'])
def test_grey_generator_of_another_width(mode):
    config = dict(type='DCGANGenerator', output_scale=32, base_channels=16, noise_size=10, out_channels=1)
    generator = fill(MODELS.build(config), 'dcgan.small', 0.2).train(mode == 'train')
    suffix = '.train' if mode == 'train' else ''
    images = generator(noise('z10', (3, 10))[..., None, None])
    assert_near(images[:2, :, ::2, ::2], golden(f'dcgan.small{suffix}'))


@torch.no_grad()
def test_released_state_dicts_come_and_go():
    released = MODELS.build(dict(type='DCGANGenerator', output_scale=16, base_channels=8, noise_size=6))
    state = {name: torch.randn_like(value) if value.is_floating_point() else value + 3
             for name, value in released.state_dict().items()}  # fmt: skip
    released.load_state_dict(state)
    assert all(torch.equal(value, state[name]) for name, value in released.state_dict().items())
    own = small()
    other = MODELS.build(dict(type='DCGANGenerator', output_scale=16, base_channels=8, noise_size=6)).eval()
    other.load_state_dict(own.state_dict())
    z = torch.randn(2, 6)
    assert torch.equal(own(z), other(z))
    with pytest.raises(RuntimeError, match=r'Missing key\(s\).*output_layer|last.bias'):
        released.load_state_dict({k: v for k, v in state.items() if k != 'output_layer.conv.bias'})


@pytest.mark.parametrize(
    'config, message',
    [
        (dict(type='DCGANGenerator', output_scale=64, input_scale=8), 'input_scale=8 is not supported'),
        (dict(type='DCGANGenerator', output_scale=64, default_norm_cfg=None), 'default_norm_cfg=None'),
        (dict(type='DCGANDiscriminator', input_scale=64, out_act_cfg=dict(type='Tanh')), 'out_act_cfg'),
        (dict(type='ConvGenerator', out_size=48), 'out_size=48 cannot work: it must be a power of 2'),
        (dict(type='ConvGenerator', channels=100, out_size=128), 'channels=100 .* multiple of 16'),
        (dict(type='ConvGenerator', latent_channels=0), 'latent_channels=0'),
        (dict(type='ConvDiscriminator', in_size=4), 'in_size=4'),
        (dict(SMALL, type='ConvGenerator', padding='mirror'), "padding='mirror' cannot work"),
        (dict(SMALL, type='ConvGenerator', head=dict(IID, encoding=dict(type='SinusoidalEncoding', embedding_dim=3))),
         'embedding_dim must be even and at least 2, got 3'),
    ],
)  # fmt: skip
def test_impossible_arguments_are_explained(config, message):
    with pytest.raises(InputError, match=message):
        MODELS.build(config)


# -------------------------------------------------------------------- padding


@torch.no_grad()
@pytest.mark.parametrize('head', HEADS)
@pytest.mark.parametrize('padding', PADDINGS)
def test_any_padding_keeps_the_size(padding, head):
    generator = small(padding=padding, head=head)
    z = torch.randn(2, *generator.latent_shape())
    assert generator(z).shape == (2, 3, 16, 16)
    if padding != 'zero' and head == IID:
        other = small(head=head)
        other.load_state_dict(generator.state_dict())
        assert not torch.allclose(other(z[..., :4, :4] if padding == 'none' else z), generator(z))


@torch.no_grad()
def test_without_padding_the_image_is_cut_out_of_a_larger_padded_one():
    """What lies so far inside that no zero reaches it; the weights are the same."""
    unpadded, padded = small(padding='none', head=IID), small(head=IID)
    padded.load_state_dict(unpadded.state_dict())
    z = torch.randn(1, 6, 12, 12)
    inside = unpadded(z[..., 3:9, 3:9])  # a base size of 4 in the middle of one of 12
    assert torch.allclose(inside, padded(z)[..., 16:32, 16:32], atol=1e-6)


def test_without_padding_nothing_tells_positions():
    for padding, moves in dict(none=True, zero=False).items():
        assert moves_with_its_latents(small(padding=padding, head=IID)) == moves


# -------------------------------------------------------------------- heads and sizes


@torch.no_grad()
@pytest.mark.parametrize(('base', 'period', 'reach'), [(4, 8, 7), (2, 16, 15), (8, 4, 3)])
def test_zeros_reach_as_far_as_doublings_carry_them(base, period, reach):
    """Transposed convolutions carry what they see of the border by 2a + 1 pixels, where it had come a pixels far."""
    generator = small(out_size=32, channels=32, base=base, head=dict(type='PointwiseHead', shared_latent=True))
    wide = generator(torch.randn(2, 6), base_size=4 * base)
    repeated = (wide[..., period:, :] - wide[..., :-period, :]).abs().amax((0, 1, 3)) < 1e-6
    inner = repeated[reach : len(repeated) - reach]
    assert inner.all() and not repeated[reach - 1] and not repeated[len(repeated) - reach]
    assert generator.image_size() == (32, 32) and generator.latent_shape() == (6,)


@torch.no_grad()
def test_the_head_sees_latents_and_code_side_by_side():
    generator = small(head=WAVES).double()
    z, seen = torch.randn(2, 6, 3, 5).double(), []
    generator.head.linear.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    assert generator(z).shape == (2, 3, 12, 20)
    assert torch.equal(seen[0][:, :6], z) and torch.equal(seen[0][1, 6:], generator.head.encoding((3, 5))[0])


@torch.no_grad()
@pytest.mark.parametrize('padding', ['zero', 'none'])
def test_other_sizes_and_coordinates(padding):
    generator = small(head=dict(GRID, shared_latent=True), padding=padding)
    assert generator.base_size((32, 24)) == (8, 6)
    check_sizes_and_coordinates(generator)


@pytest.mark.parametrize(
    'settings, given, message',
    [
        ({}, dict(base_size=(4, 5)), 'weights for a grid of 4x4 .* cannot take a grid of 4x5'),
        ({}, dict(coordinates=torch.zeros(4, 4, 2)), 'cannot take coordinates'),
        (dict(head=IID), dict(coordinates=torch.zeros(4, 4, 2)), 'coordinates need a head with an encoding'),
        (dict(head=GRID), dict(coordinates=torch.zeros(4, 4, 3)), r'\(4, 4, 3\) do not fit'),
        (dict(head=GRID), dict(coordinates=torch.zeros(4, 4, 2), base_size=5), r'must be \(5, 5, 2\)'),
        ({}, dict(z=torch.zeros(1, 7)), r'\(1, 7\) do not fit: they must be \(N, 6\)'),
        (dict(head=IID), dict(z=torch.zeros(1, 6, 3, 3), base_size=4), r'the grid here is \(4, 4\)'),
        (dict(head=IID, padding='none'), dict(z=torch.zeros(1, 6, 2, 3)), 'larger than 2 cells'),
        (dict(head=IID), dict(base_size=0), 'base_size=0 cannot work'),
    ],
)
def test_what_does_not_fit_is_explained(settings, given, message):
    with pytest.raises(InputError, match=message):
        small(**settings)(**dict(dict(z=torch.zeros(1, 6)), **given))


def test_pictures_of_another_size_are_explained():
    with pytest.raises(InputError, match=r"must have shape \('N', 3, 64, 64\), got \(2, 3, 32, 32\)"):
        MODELS.build(dict(type='ConvDiscriminator', channels=2))(torch.zeros(2, 3, 32, 32))
    with pytest.raises(InputError, match='makes images of 3 channels and 16 pixels, but .* 3 channels and 32 pixels'):
        small_model(critic=dict(in_size=32))
    with pytest.raises(InputError, match='sides must be multiples of 4; take 16x16'):
        small_model(generator=dict(head=IID)).sample(1, (16, 17))


# -------------------------------------------------------------------- training


def test_an_iteration_is_the_papers():
    """Losses and the steps of plain Adam, written out."""
    model = small_model().double()
    reference = copy.deepcopy(model)
    generator, critic = reference.generator, reference.discriminator
    losses = model.train_step(batch(0, side=16), optimisers(model))
    update = reference._begin_update()
    reals = torch.stack(batch(0, side=16)['inputs']).double() / 127.5 - 1
    expected = {}
    optimizer = torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.0, 0.99))
    with torch.no_grad():
        fakes = reference._generate(update, 'discriminator', 0, 4)
    for name, images, target in (('loss_fake', fakes, 0.0), ('loss_real', reals, 1.0)):
        scores = critic(images)
        expected[name] = F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, target))
    (expected['loss_fake'] + expected['loss_real']).backward()
    optimizer.step()
    optimizer = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.0, 0.99))
    scores = critic(reference._generate(update, 'generator', 0, 4))
    expected['loss_generator'] = F.binary_cross_entropy_with_logits(scores, torch.ones_like(scores))
    expected['loss_generator'].backward()
    optimizer.step()
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value.item(), rel=1e-9)
    for name in ('generator', 'discriminator'):
        for own, other in zip(getattr(model, name).parameters(), getattr(reference, name).parameters()):
            assert torch.allclose(own, other, rtol=1e-6, atol=1e-9)
    assert int(model.iteration) == 1 and int(model.images_seen) == 4


def test_grey_pictures_are_learnt_and_sampled_as_three_equal_channels():
    model = small_model(dict(out_channels=1), dict(in_channels=1))
    seen = []
    model.discriminator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    grey = torch.full((3, 16, 16), 51, dtype=torch.uint8)
    model.train_step(dict(inputs=[grey] * 2), optimisers(model))
    assert seen[1].shape == (2, 1, 16, 16) and torch.allclose(seen[1], torch.tensor(-0.6))
    images = model.sample(2)
    assert images.shape == (2, 3, 16, 16) and (images == images[:, :1]).all()


def test_sampling_leaves_a_model_in_training_as_it_is():
    model = small_model()
    before = copy.deepcopy(model.state_dict())
    images = model.sample(4)
    assert model.generator.training and all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert torch.allclose(model.sample(1, first=2), images[2:3], atol=1e-6)
    (predicted,) = model([dict(number=2, sizes=[(16, 16)])], mode='predict')
    assert torch.allclose(predicted['images'][16, 16], images[2].clamp(-1, 1), atol=1e-6)


def test_two_processes_hold_the_same(tmp_path):
    """Also of batch statistics, which each takes of its own pictures."""
    one, other = train_on_two(tmp_path, small_model, 1)
    assert_same(one, other)
    torch.manual_seed(0)
    model = small_model()
    model.train_step(batch(0, 4, side=16), optimisers(model))
    # Means of latents alone, which are those of the joined batch.
    for name in ('generator.norm.running_mean', 'images_seen'):
        assert torch.allclose(one['model'][name], model.state_dict()[name], atol=1e-6)


# -------------------------------------------------------------------- configs


@pytest.mark.parametrize('config', configs('dcgan'), ids=lambda path: path.stem)
def test_config_trains_resumes_and_samples(config, tmp_path):
    model = dict(generator=dict(out_size=16, channels=8), discriminator=dict(in_size=16, channels=4))
    loaded = check_run(tmp_path, config, model, iterations=2, resume_at=1)
    assert loaded.generator.image_size() == (16, 16)


STUDIES = dict(
    nopad=('DenseHead', None, 'none'),
    reflect=('DenseHead', None, 'reflect'),
    iid=('PointwiseHead', None, 'zero'),
    iid_nopad=('PointwiseHead', None, 'none'),
    csg=('PointwiseHead', 'CartesianGrid', 'none'),
    spe=('PointwiseHead', 'SinusoidalEncoding', 'none'),
)


@pytest.mark.parametrize(
    'base', ['dcgan/dcgan_1xb128-300kiters_celeba-cropped-64', 'pggan/pggan_8xb4-12Mimgs_celeba-cropped-128x128']
)
@pytest.mark.parametrize('study', STUDIES)
def test_studies_change_the_head_and_the_padding_alone(base, study):
    released = Config.fromfile(REPOSITORY / f'configs/{base}.py').to_dict()
    config = Config.fromfile(REPOSITORY / f'configs/{base}_{study}.py').to_dict()
    generator = config['model']['generator']
    head = generator['head']
    assert (head['type'], head.get('encoding', {}).get('type'), generator['padding']) == STUDIES[study]
    for name in ('head', 'padding'):
        del generator[name], released['model']['generator'][name]
    assert config == released


def test_released_schedules():
    folder = REPOSITORY / 'configs/dcgan'
    said = {}
    for path in folder.glob('dcgan_*xb128*.py'):
        cfg = Config.fromfile(path)
        said[path.stem] = (cfg.train_cfg.max_iters, cfg.train_dataloader.batch_size)
        rates = [cfg.optim_wrapper[name].optimizer.lr for name in ('generator', 'discriminator')]
        assert rates == ([4e-4, 1e-4] if 'mnist' in path.stem else [2e-4, 2e-4])
    faces = [said.pop(name) for name in list(said) if 'celeba' in name]  # two by their earlier names, too
    assert len(faces) == 7 + 2 and set(faces) == {(300_000, 128)}
    assert said == {
        'dcgan_1xb128-5epoches_lsun-bedroom-64x64': (1_500_000, 128),
        'dcgan_Glr4e-4_Dlr1e-4_1xb128-5kiters_mnist-64x64': (5000, 128),
    }
