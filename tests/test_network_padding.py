"""How whole generators pad: parts of padding in every family, against maps that are padded by hand."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch import nn

from mmpe.errors import InputError
from mmpe.grid import Grid
from mmpe.models.padding import Pad, build_network_padding, modes, pad, set_padding
from mmpe.models.singan import SinGANGenerator, windows
from mmpe.registry import MODELS

ENCODING = dict(type='SinusoidalEncoding', embedding_dim=4)
CELLS = dict(type='PointwiseHead')
FAMILIES = dict(
    dcgan=dict(type='ConvGenerator', out_size=16, latent_channels=6, channels=8, head=CELLS),
    pggan=dict(type='GrowingGenerator', out_size=16, latent_channels=6, base_channels=32, max_channels=8, head=CELLS),
)
STYLE = dict(
    type='StyleGenerator',
    out_size=16,
    encoding=ENCODING,
    upsampling=dict(type='BilinearThenConv'),
    style_channels=8,
    num_mapping_layers=2,
    max_channels=8,
)
SINGAN = dict(type='SinGANGenerator', num_scales=2, base_channels=4)
RADIUS = dict(dcgan=1, pggan=3)
SEEN = ['zero', 'reflect', 'replicate', 'circular', dict(type='interp', mode='bicubic')]


def build(config, **settings):
    torch.manual_seed(0)
    return MODELS.build(dict(config, **settings)).double().eval().requires_grad_(False)


def first_map(generator, family, z):
    """What the first convolution of DCGAN or Progressive GAN sees, if nothing is padded."""
    seen = []
    conv = generator.blocks[0].conv if family == 'dcgan' else generator.first
    handle = conv.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    generator(z)
    handle.remove()
    return seen[0]


def draw(shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


# -------------------------------------------------------------------- the parts in each family


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize('mode', SEEN, ids=str)
def test_an_input_padded_once_is_the_larger_map_of_a_generator_that_pads_nothing(family, mode):
    once = build(FAMILIES[family], padding=dict(type='PadInputOnce', mode=mode))
    bare = build(FAMILIES[family], padding=dict(type='OversizedNoise'))
    assert once.state_dict().keys() == bare.state_dict().keys()
    z = draw((2, *once.latent_shape((5, 4))))
    radius = RADIUS[family]
    assert bare.latent_shape((5, 4)) == (6, 5 + 2 * radius, 4 + 2 * radius) and once.latent_shape((5, 4)) == (6, 5, 4)

    image = once(z)
    assert image.shape == (2, 3, 20, 16) == (2, 3, *once.image_size((5, 4)))
    seen = first_map(once, family, z)
    # the head is pointwise and linear, but what follows it is not: the map before padding is found without it
    inner = seen[..., radius:-radius, radius:-radius] if mode in ('zero', 'reflect', 'replicate', 'circular') else None
    if inner is not None:
        padded = pad(inner, radius, mode)
        assert torch.equal(seen, padded)

    conv = bare.blocks[0].conv if family == 'dcgan' else bare.first
    conv.register_forward_pre_hook(lambda *_: (seen,))
    larger = draw((2, *bare.latent_shape((5, 4))))
    torch.testing.assert_close(bare(larger), image, atol=1e-12, rtol=0)


@pytest.mark.parametrize('upsampling', ['BilinearThenConv', 'ConvThenBilinear'])
@pytest.mark.parametrize('mode', SEEN, ids=str)
def test_a_code_of_positions_padded_once(upsampling, mode):
    config = dict(STYLE, upsampling=dict(type=upsampling))
    once, bare = (build(config, padding=p) for p in (dict(type='PadInputOnce', mode=mode), 'none'))
    z, base = draw((2, 8)), (5, 6)
    code = pad(once.encoding(base), 1, mode)
    bare.encoding.forward = lambda grid: code
    assert once.image_size(base) == (20, 24)
    assert once.head_size(base) == base and bare.head_size(base) == (7, 8)
    expected = bare(z, base_size=base, injected_noise='fixed')
    torch.testing.assert_close(once(z, base_size=base, injected_noise='fixed'), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize('mode', SEEN, ids=str)
@pytest.mark.parametrize('kernel_size, num_layers', [(3, 5), (5, 2)])
def test_singan_pads_each_layer_as_convolutions_over_maps_padded_by_hand(mode, kernel_size, num_layers):
    shape = dict(kernel_size=kernel_size, num_layers=num_layers)
    g = build(SINGAN, padding=dict(type='PadEachLayer', mode=mode), num_scales=1, **shape)
    noise = draw((1, *g.noise_shape(0, (13, 15))))
    assert noise.shape == (1, 1, 13, 15)
    x = noise.expand(-1, 3, -1, -1)
    for layer in g.blocks[0].layers:
        x = F.conv2d(pad(x, kernel_size // 2, mode), layer.conv.weight, layer.conv.bias)
        if layer.with_norm:
            x = F.leaky_relu(layer.norm(x), 0.2)
    torch.testing.assert_close(g([noise], [1.0]), torch.tanh(x), atol=1e-12, rtol=0)


@pytest.mark.parametrize('mode', SEEN, ids=str)
@pytest.mark.parametrize('kind', ['PadInputOnce', 'OversizedNoise', 'PadEachLayer'])
def test_singan_joins_noise_and_the_image_below(kind, mode):
    g = build(SINGAN, padding=dict(type=kind, mode=mode))
    noises = [draw((1, *g.noise_shape(scale, size))) for scale, size in enumerate([(9, 8), (12, 11)])]
    assert noises[1].shape[-2:] == ((22, 21) if kind == 'OversizedNoise' else (12, 11))
    below, image = g(noises, [1, 0.5], return_all=True)
    below = F.interpolate(below, (12, 11), mode='bicubic', align_corners=True)
    by_hand = dict(
        PadInputOnce=lambda: pad(0.5 * noises[1] + below, 5, mode),
        OversizedNoise=lambda: 0.5 * noises[1] + pad(below, 5, mode),
        PadEachLayer=lambda: 0.5 * noises[1] + below,
    )
    torch.testing.assert_close(g.blocks[1](by_hand[kind]()) + below, image, atol=1e-12, rtol=0)


@pytest.mark.parametrize('config', [STYLE, SINGAN, *FAMILIES.values()], ids=lambda config: config['type'])
def test_configs_that_are_inherited_by_name_note_the_scope(config):
    mode = dict(type='interp', mode='bicubic', _scope_='mmpe')
    for padding in (mode, dict(type='PadEachLayer', mode=mode, _scope_='mmpe')):
        assert type(build(config, padding=padding).padding).__name__ == 'PadEachLayer'


@pytest.mark.parametrize('family', [*FAMILIES, 'style', 'singan'])
@pytest.mark.parametrize('mode', SEEN, ids=str)
def test_a_mode_is_what_each_layer_pads_with(family, mode):
    config = dict(FAMILIES, style=STYLE, singan=dict(SINGAN, encoding=ENCODING))[family]
    short, long = (build(config, padding=p) for p in (mode, dict(type='mmpe.PadEachLayer', mode=mode)))
    if family == 'singan':
        noises = [draw((1, *short.noise_shape(i, size))) for i, size in enumerate([(9, 8), (12, 11)])]
        images = [g(noises, [1, 0.5]) for g in (short, long)]
    else:
        fixed = dict(injected_noise='fixed') if family == 'style' else {}
        z = draw((2, 8) if family == 'style' else (2, *short.latent_shape()))
        images = [g(z, **fixed) for g in (short, long)]
        reference = set_padding(build(config, padding='zero'), mode)
        torch.testing.assert_close(reference(z, **fixed), images[0], atol=1e-12, rtol=0)
    assert torch.equal(*images)


@pytest.mark.parametrize('padding', ['none', dict(type='none'), dict(type='OversizedNoise'), 'mmpe.OversizedNoise'])
def test_a_grid_gets_the_margin_of_the_padding(padding):
    g = build(STYLE, padding=padding)
    z, grid = draw((1, 8)), Grid((4, 6)).shifted((0.5, 0))
    expected = g(z, coordinates=grid.padded(1), injected_noise='fixed')
    assert torch.equal(g(z, base_size=grid, injected_noise='fixed'), expected)
    assert g.head_margin == 2


# -------------------------------------------------------------------- what cannot be


@pytest.mark.parametrize('config', [STYLE, SINGAN, *FAMILIES.values()], ids=lambda config: config['type'])
@pytest.mark.parametrize(
    'padding, message',
    [
        ('mirror', r"padding='mirror' cannot work: unknown padding: it is one of zero, .* PadEachLayer, PadInputOnce"),
        (dict(type='CartesianGrid'), 'unknown padding: it is one of zero'),
        (None, 'padding=None cannot work: unknown padding'),
        (3, 'padding=3 cannot work'),
        (['zero'], r"padding=\['zero'\] cannot work"),
        (dict(mode='zero'), 'cannot work: unknown padding'),
        (dict(type='interp', mode='area'), "unknown interpolation 'area'"),
        (dict(type='zero', value=1), 'unknown option'),
        (dict(type='PadEachLayer', mode='none'), "mode='none' adds nothing to a map: take OversizedNoise"),
        (dict(type='PadInputOnce', mode='mirror'), "unknown padding 'mirror'"),
    ],
)
def test_what_no_generator_can_pad_with(config, padding, message):
    with pytest.raises(InputError, match=message):
        MODELS.build(dict(config, padding=padding))


@pytest.mark.parametrize('padding', ['none', dict(type='PadInputOnce', mode='reflect')])
def test_a_transposed_convolution_that_has_its_padding_inside(padding):
    with pytest.raises(InputError, match='TransposedConvBlur.*cannot work'):
        MODELS.build(dict(STYLE, upsampling=dict(type='TransposedConvBlur'), padding=padding))


# -------------------------------------------------------------------- earlier names


OLD = dict(HeadBorder='PadInputOnce', LayerBorder='PadEachLayer', DrawnBorder='OversizedNoise')


@pytest.mark.parametrize('scope', ['', 'mmpe.'])
@pytest.mark.parametrize('old, new', OLD.items())
@pytest.mark.parametrize('kind', ['SinGANGenerator', 'SinGANPaletteGenerator'])
def test_an_earlier_border_is_a_padding(old, new, kind, scope):
    built = MODELS.build(dict(type=scope + kind, border=dict(type=scope + old, mode='reflect'), base_channels=4))
    assert type(built.padding).__name__ == new
    part = built.padding
    assert (part.conv_mode if new == 'PadEachLayer' else part.pad.mode) == 'reflect'


@pytest.mark.parametrize(
    'border, found',
    [
        (dict(mode='reflect'), ('PadInputOnce', 'reflect')),  # as --cfg-options model.generator.border.mode=reflect
        (dict(type='DrawnBorder'), ('OversizedNoise', 'zero')),
        (dict(_delete_=True, type='DrawnBorder'), ('OversizedNoise', 'interp')),
        (dict(type='HeadBorder', mode='circular'), ('PadInputOnce', 'circular')),
    ],
)
def test_an_earlier_border_over_a_base_with_a_padding(border, found):
    config = dict(type='SinGANGenerator', padding=dict(type='PadInputOnce', mode='zero'), border=border)
    before = copy.deepcopy(config)
    part = MODELS.build(config).padding
    assert (type(part).__name__, part.pad.mode) == found
    assert config == before, 'the config is not consumed'


def test_a_class_that_inherits_accepts_an_earlier_border():
    MODELS.import_from_location()

    class Mine(SinGANGenerator):
        def __init__(self, border='reflect', **settings):
            super().__init__(border=border, **settings)

    assert Mine(base_channels=4).padding.conv_mode == 'reflect'
    assert SinGANGenerator(base_channels=4, border=dict(type='DrawnBorder', mode='zero')).padding.margin == 5


@pytest.mark.parametrize('old, new', OLD.items())
def test_a_python_config_may_import_the_earlier_classes(old, new, tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(
        'from mmpe.models.singan import SinGANGenerator\n'
        f'from mmpe.models.singan.borders import {old}\n'
        f'generator = dict(type=SinGANGenerator, base_channels=4, border=dict(type={old}))\n'
    )
    generator = MODELS.build(Config.fromfile(path, lazy_import=True).generator)
    assert type(generator.padding).__name__ == new


# -------------------------------------------------------------------- a mode of somebody else's


@pytest.fixture
def edge_of_ones():
    """A mode that is registered outside mmpe: ones past the border, times a strength."""

    class Ones(Pad):
        mode = 'ones'
        is_local = True

        def __init__(self, padding, strength=1.0):
            super().__init__(padding, strength=strength)

        def extend(self, x):
            return F.pad(x, self.padding, value=self.options['strength'])

    MODELS.register_module('ones', module=Ones)
    yield Ones
    del MODELS.module_dict['ones']


def test_a_mode_of_ones_own_is_one_class(edge_of_ones, monkeypatch):
    x = torch.zeros(1, 1, 2, 3)
    assert modes()['ones'] is edge_of_ones
    assert pad(x, 1, dict(type='ones', strength=2)).sum() == 2 * (4 * 5 - 6)
    conv = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    nn.init.ones_(conv.weight)
    assert set_padding(conv, 'ones')(x)[0, 0, 0, 0] == 5
    with pytest.raises(InputError, match='it takes type, strength'):
        pad(x, 1, dict(type='ones', size=2))
    assert type(build_network_padding('ones', 1)).__name__ == 'PadEachLayer'
    for config in (STYLE, *FAMILIES.values()):
        plain, ones = (build(config, padding=p) for p in ('zero', dict(type='ones', strength=0.0)))
        z = draw((1, 8) if config is STYLE else (1, *plain.latent_shape()))
        fixed = dict(injected_noise='fixed') if config is STYLE else {}
        torch.testing.assert_close(ones(z, **fixed), plain(z, **fixed), atol=1e-12, rtol=0)

    g = build(SINGAN, padding='ones', num_scales=1)
    noise = draw((1, *g.noise_shape(0, (40, 41))))
    whole = g([noise], [1.0])
    monkeypatch.setattr(windows, 'LARGEST_MAP', 20 * 20 * 4)
    torch.testing.assert_close(g([noise], [1.0]), whole, atol=1e-12, rtol=0)
