"""StyleGAN2's networks against the released implementation: its numbers, names, arguments and state dicts."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from stand_in_weights import fill, noise

from mmpe.compat.released_state import own_entries, swap_colors
from mmpe.compat.stylegan2 import DISCRIMINATOR, GENERATOR
from mmpe.errors import InputError
from mmpe.models.stylegan2 import StyleDiscriminator, StyleGenerator
from mmpe.registry import MODELS

DATA = Path(__file__).parent / 'data'
GOLDENS = {**np.load(DATA / 'stylegan2.npz'), **np.load(DATA / 'stylegan2_variants.npz')}
TOLERANCE = 1e-3

SPE = dict(type='SPE', embedding_dim=256, padding_idx=0, init_size=256, center_shift=100)
UP = dict(up_config=dict(scale_factor=2, mode='bilinear', align_corners=True), deconv2conv=True)
CONV_FIRST = dict(UP, type='MSStyleGANv2Generator', up_after_conv=True)
UP_FIRST = dict(UP, type='MSStyleGANv2Generator', interp_pad=4, no_pad=True, head_pos_size=(6, 6))
RELEASED = dict(
    a=dict(type='StyleGANv2Generator'),
    b=dict(type='StyleGAN2Generator', out_size=512),
    c=dict(CONV_FIRST, head_pos_encoding=None, head_pos_size=(4, 4), interp_head=True),
    d=dict(CONV_FIRST, head_pos_encoding=dict(type='CSG')),
    e=dict(CONV_FIRST, head_pos_encoding=SPE, interp_head=True),
    f=dict(CONV_FIRST, head_pos_encoding=SPE),
    g=dict(CONV_FIRST, head_pos_encoding=SPE, channel_multiplier=1),
    h=dict(UP_FIRST, interp_head=True),
    i=dict(UP_FIRST, head_pos_encoding=dict(type='CSG')),
    j=dict(UP_FIRST, head_pos_encoding=SPE, interp_head=True),
    k=dict(UP_FIRST, head_pos_encoding=SPE),
)
WAVES = dict(type='SinusoidalEncoding', embedding_dim=256)
THEN_BILINEAR = dict(upsampling=dict(type='ConvThenBilinear'))
UNPADDED = dict(upsampling=dict(type='BilinearThenConv'), padding='none')
OURS = dict(
    a=dict(),
    b=dict(out_size=512),
    c=dict(THEN_BILINEAR),
    d=dict(THEN_BILINEAR, encoding=dict(type='CartesianGrid')),
    e=dict(THEN_BILINEAR, encoding=dict(type='ResizedEncoding', encoding=WAVES, size=4)),
    f=dict(THEN_BILINEAR, encoding=WAVES),
    g=dict(THEN_BILINEAR, encoding=WAVES, channel_multiplier=1),
    h=dict(UNPADDED, encoding=dict(type='LearnableGrid', channels=512, size=6)),
    i=dict(UNPADDED, encoding=dict(type='CartesianGrid')),
    j=dict(UNPADDED, encoding=dict(type='ResizedEncoding', encoding=WAVES, size=6)),
    k=dict(UNPADDED, encoding=WAVES),
)
DISCRIMINATORS = dict(
    a=dict(type='StyleGAN2Discriminator', in_size=256),
    ms_c2=dict(type='MSStyleGAN2Discriminator', in_size=256, with_adaptive_pool=True),
    ms_c1=dict(type='MSStyleGAN2Discriminator', in_size=256, with_adaptive_pool=True, channel_multiplier=1),
)


@cache
def shapes(kind, name):
    """Entries of a released module; the file has a base of each kind, and what the others have otherwise."""
    stored = json.loads((DATA / 'stylegan2_state_dicts.json').read_text())
    base = dict(generator='f', discriminator='ms_c2')[kind]
    merged = {**stored[f'{kind}-{base}'], **stored[f'{kind}-{name}']}
    return {entry: shape for entry, shape in merged.items() if shape is not None}


def released(name, **changes):
    return MODELS.build(dict(dict(out_size=256, style_channels=512), **RELEASED[name]) | changes)


def small(name, **changes):
    """A released generator of the size that the variants were drawn at."""
    return released(name, style_channels=32, out_size=64 if name == 'g' else 16, **changes)


def golden(name):
    return torch.from_numpy(GOLDENS[name])


def assert_near(actual, expected, tolerance=TOLERANCE):
    assert actual.shape == expected.shape
    assert (actual.detach() - expected).abs().max() < tolerance * expected.std()


# -------------------------------------------------------------------- full size


@pytest.mark.parametrize(
    'name, scale, every', [('a', 0, 16), ('f', 2, 16), pytest.param('f', 10, 56, marks=pytest.mark.slow)]
)
def test_generator(name, scale, every):
    generator = fill(released(name), name).eval()
    draw = f'{name}.{"None" if name == "a" else scale}.noise'
    noises = [noise(f'{draw}{i}', (1, 1, *shape)) for i, shape in enumerate(generator.noise_shapes(4 + scale))]
    with torch.no_grad():
        images = generator(noise('z', (2, 512)), 4 + scale, injected_noise=noises)
        styles = generator.style_mapping(noise('z', (2, 512)))
    assert images.shape[-2:] == generator.image_size(4 + scale) == (256 + 64 * scale, 256 + 64 * scale)
    assert_near(images[:, :, ::every, ::every], golden(f'{name}.{scale}'))
    if name == 'a':
        assert_near(styles[:, ::4], golden('a.w'))


@pytest.mark.parametrize(
    'size', [256, pytest.param(384, marks=pytest.mark.slow), pytest.param(512, marks=pytest.mark.slow)]
)
def test_discriminator(size):
    discriminator = fill(MODELS.build(DISCRIMINATORS['ms_c2']), 'disc.ms_c2')
    with torch.no_grad():
        assert_near(discriminator(noise(f'img{size}', (4, 3, size, size))), golden(f'ms_c2.{size}'))


# -------------------------------------------------------------------- all variants, small


@pytest.mark.parametrize('name', sorted(set(RELEASED) - {'a'}))
def test_variant(name):
    theirs = fill(small(name), f'small.{name}').eval()
    config = dict(OURS[name], out_size=theirs.out_size, style_channels=32)
    ours = MODELS.build(dict(config, type='StyleGenerator')).eval()
    ours.load_state_dict(own_entries(theirs, ours))
    styles = noise('latent', (2, ours.num_latents, 32))[:1]
    every = 4 if name == 'g' else 1
    with torch.no_grad():
        image = theirs.synthesize(styles, injected_noise='fixed')
        assert_near(image[..., ::every, ::every], golden(f'{name}.4x4'))
        assert torch.equal(ours.synthesize(styles, injected_noise='fixed'), image)
        if name in 'bg':
            return
        noises = [noise(f'{name}.noise{i}', (1, 1, *shape)) for i, shape in enumerate(ours.noise_shapes((5, 7)))]
        assert_near(ours.synthesize(styles, (5, 7), injected_noise=noises), golden(f'{name}.5x7'))


@torch.no_grad()
def test_mapping_network():
    generator = fill(small('c'), 'small.c')
    for layer in generator.style_mapping.layers:
        layer.weight *= 100  # or nothing of z would come through the small learning rate
    assert_near(generator.style_mapping(noise('z', (2, 32))), golden('mapping'))


def by_released_name(module):
    """The parameters in the order of the reference, which sorted them by their released names."""
    names = {value: key for key, value in module.released_names.items()}
    entries = dict(module.named_parameters())
    return [entries[names[key]] for key in sorted(names) if names[key] in entries]


def gradient_norms(module):
    return np.array([0.0 if p.grad is None else p.grad.norm().item() for p in by_released_name(module)])


@pytest.mark.parametrize('name', ['b', 'f'])
def test_path_lengths_and_their_gradients(name):
    generator = fill(small(name), f'small.{name}').double()  # in single precision a few leaky ReLUs see another sign
    styles = noise('latent', (2, generator.num_latents, 32)).double().requires_grad_()
    images = generator.synthesize(styles, injected_noise='fixed')
    (gradient,) = torch.autograd.grad((images * noise('y', images.shape)).sum(), styles, create_graph=True)
    lengths = gradient.square().sum(2).mean(1).sqrt()
    torch.testing.assert_close(lengths.detach(), golden(f'{name}.path_lengths'), rtol=1e-6, atol=0)
    lengths.square().sum().backward()
    np.testing.assert_allclose(gradient_norms(generator), GOLDENS[f'{name}.path_grad_norms'], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize('name, size', [('disc', (8, 8)), ('ms_disc', (8, 8)), ('ms_disc', (9, 11))])
def test_scores_and_gradients_of_r1(name, size):
    config = dict(DISCRIMINATORS['ms_c2' if name == 'ms_disc' else 'a'], in_size=8)
    discriminator = fill(MODELS.build(config), f'small.{name}').double()
    key = f'{name}.{size[0]}x{size[1]}'
    x = noise(f'img{size[0]}x{size[1]}', (8, 3, *size)).double().requires_grad_()
    scores = discriminator(x)
    assert_near(scores, golden(key), 1e-5)
    (gradient,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    penalty = gradient.square().sum((1, 2, 3)).mean()
    np.testing.assert_allclose(penalty.item(), GOLDENS[f'{key}.r1'], rtol=1e-6)
    penalty.backward()
    np.testing.assert_allclose(gradient_norms(discriminator), GOLDENS[f'{key}.r1_grad_norms'], rtol=1e-6, atol=1e-9)


def test_a_batch_smaller_than_a_group():
    discriminator = fill(MODELS.build(dict(DISCRIMINATORS['ms_c2'], in_size=8)), 'small.ms_disc').double()
    with torch.no_grad():
        assert_near(discriminator(noise('img8x8', (8, 3, 8, 8))[:3].double()), golden('ms_disc.three'))


# -------------------------------------------------------------------- state dicts


def entries(module):
    return {name: list(value.shape) for name, value in module.state_dict().items()}


@pytest.mark.parametrize('name', RELEASED)
def test_generator_has_the_released_state_dict(name):
    with torch.device('meta'):
        assert entries(released(name)) == shapes('generator', name)


@pytest.mark.parametrize('name', DISCRIMINATORS)
def test_discriminator_has_the_released_state_dict(name):
    with torch.device('meta'):
        assert entries(MODELS.build(DISCRIMINATORS[name])) == shapes('discriminator', name)


def thin(name='c', **changes):
    """A generator of four channels."""
    changes = dict(max_channels=4, num_mlps=2) | changes
    if 'head_pos_encoding' in RELEASED[name] and RELEASED[name]['head_pos_encoding'] == SPE:
        changes['head_pos_encoding'] = dict(SPE, embedding_dim=2)
    return small(name, **changes)


def thin_discriminator():
    return MODELS.build(dict(DISCRIMINATORS['ms_c2'], in_size=16, max_channels=4))


NETWORKS = {**{name: lambda name=name: thin(name) for name in 'bcdefhijk'}, 'discriminator': thin_discriminator}


@pytest.mark.parametrize('name', NETWORKS)
def test_state_dict_round_trip(name):
    first, second = NETWORKS[name](), NETWORKS[name]()
    state = {
        key: noise(key, value.shape) if value.is_floating_point() else value  # fixed filters too: any value will do
        for key, value in first.state_dict().items()
    }
    before = dict(state)
    first.load_state_dict(state)
    assert state.keys() == before.keys()
    second.load_state_dict(first.state_dict())
    for key, value in second.state_dict().items():
        if not key.endswith(('kernel', '_float_tensor')):
            assert torch.equal(value, state[key]), key
    state.popitem()
    weight = next(key for key in state if key.endswith('weight_orig'))
    with pytest.raises(RuntimeError, match='Missing key'):
        second.load_state_dict({key: value for key, value in state.items() if key != weight})
    with pytest.raises(RuntimeError, match='Unexpected key.*another'):
        second.load_state_dict({**first.state_dict(), 'another': torch.zeros(1)})
    with pytest.raises(RuntimeError, match='size mismatch'):
        second.load_state_dict({**first.state_dict(), weight: torch.zeros(2, 3)})


@pytest.mark.parametrize('network', ['generator', 'discriminator'])
def test_names_of_our_own_load_and_translate(network):
    source, own_type = dict(
        generator=(thin('b'), StyleGenerator), discriminator=(thin_discriminator(), StyleDiscriminator)
    )[network]
    assert type(source) is own_type
    ours = own_type(**source.arguments)
    ours.load_state_dict(own_entries(source, ours))
    fresh = MODELS.build(CONSTRUCTED[network])
    fresh.load_state_dict(ours.state_dict())
    for key, value in fresh.state_dict().items():
        assert torch.equal(value, source.state_dict()[key]), key


CONSTRUCTED = dict(
    generator=dict(type='StyleGAN2Generator', out_size=16, style_channels=32, max_channels=4, num_mlps=2),
    discriminator=dict(type='MSStyleGAN2Discriminator', in_size=16, with_adaptive_pool=True, max_channels=4),
)


def test_state_dict_inside_a_model_and_its_memory():
    model = torch.nn.ModuleDict(dict(generator=thin('b'), discriminator=thin_discriminator()))
    state = model.state_dict()
    name = 'generator.convs.0.conv.weight_orig'
    state[name].fill_(7)
    assert (model['generator'].blocks[0].up.layer.conv.weight == 7).all()
    other = torch.nn.ModuleDict(dict(generator=thin('b'), discriminator=thin_discriminator()))
    other.load_state_dict(state)
    assert torch.equal(other.state_dict()[name], state[name])


# -------------------------------------------------------------------- arguments


def test_mmgeneration_arguments_build():
    released('a', num_mlps=2, max_channels=4, fp16_enabled=False, num_fp16_scales=0, pretrained=None, bgr2rgb=False)
    MODELS.build(
        dict(
            DISCRIMINATORS['a'],
            max_channels=4,
            mbstd_cfg=dict(group_size=2, channel_groups=1, sync_std=False),
            out_fp32=False,
            convert_input_fp32=False,
            data_aug=None,
        )
    )
    assert thin('c', mix_prob=0.5).mixing_probability == 0.5
    assert thin('c', mix_prob=0.5, default_style_mode='single').mixing_probability == 0


@pytest.mark.parametrize(
    'name, changes, message',
    [
        ('c', dict(fp16_enabled=True), 'fp16_enabled=True is not supported'),
        ('c', dict(blur_kernel=[1, 2, 1]), 'blur_kernel'),
        ('c', dict(bgr2rgb=True), 'bgr2rgb=True'),
        ('c', dict(nonsense=1), 'nonsense=1: mmpe has no such option'),
        ('c', dict(default_style_mode='mixed'), "default_style_mode='mixed'"),
        ('c', dict(up_config=dict(scale_factor=2, mode='nearest')), 'up_config'),
        ('c', dict(channel_multiplier=4), 'channel_multiplier=4'),
        ('c', dict(interp_pad=4), 'interp_pad=None'),
        ('f', dict(head_pos_size=(6, 6)), r'head_pos_size=\(6, 6\)'),
        ('h', dict(interp_pad=None), 'interp_pad=4'),
        ('h', dict(deconv2conv=False), 'deconv2conv=False'),
        ('a', dict(no_pad=True), 'MSStyleGANv2Generator'),
    ],
)
def test_arguments_without_a_counterpart(name, changes, message):
    with pytest.raises(InputError, match=message):
        thin(name, **changes)


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(mbstd_cfg=dict(group_size=4, channel_groups=2)), 'channel_groups=2'),
        (dict(input_bgr2rgb=True), 'input_bgr2rgb'),
        (dict(with_adaptive_pool=True), 'MSStyleGAN2Discriminator'),
    ],
)
def test_discriminator_arguments_without_a_counterpart(changes, message):
    with pytest.raises(InputError, match=message):
        MODELS.build(dict(DISCRIMINATORS['a'], **changes))


# -------------------------------------------------------------------- colors


@torch.no_grad()
def test_swapped_networks_see_and_make_other_colors():
    generator, discriminator = fill(thin(), 'colors'), fill(thin_discriminator(), 'colors')
    z = noise('z', (2, 32))
    images = generator(z, injected_noise='fixed')
    scores = discriminator(images)
    swap_colors(generator, GENERATOR)
    swap_colors(discriminator, DISCRIMINATOR)
    torch.testing.assert_close(generator(z, injected_noise='fixed'), images.flip(1))
    torch.testing.assert_close(discriminator(images.flip(1)), scores)
    assert (discriminator(images) - scores).abs().max() > 1e-4
