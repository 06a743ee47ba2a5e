"""The audit: its verdict, its page and its tool, on hand-made models, mmpe's own, and one that no one here wrote."""

import math
import re
import runpy
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from mmpe.analysis import Subject, analysis_inputs, audit, equivariance, find_layers, spatial_bias, swapped
from mmpe.analysis.layers import choose_periods
from mmpe.analysis.padding import padding_names
from mmpe.analysis.position import coordinates
from mmpe.apis import load
from mmpe.errors import InputError
from mmpe.models.padding import set_padding
from mmpe.registry import MODELS

TOOL = Path(__file__).parents[1] / 'tools' / 'audit.py'
SIZE = 12
STYLES = dict(
    type='StyleGAN2Model',
    generator=dict(
        type='StyleGenerator',
        out_size=16,
        encoding=dict(type='SinusoidalEncoding', embedding_dim=4),
        style_channels=8,
        num_mapping_layers=2,
        max_channels=8,
    ),
)
PYRAMID = dict(
    type='SinGANModel',
    generator=dict(type='SinGANGenerator', base_channels=4),
    iters_per_scale=1,
)


def noise(num, rng):
    return torch.randn(num, 1, SIZE, SIZE, generator=rng)


def stack(*before, padding=1):
    torch.manual_seed(1)
    convs = [nn.Conv2d(1, 6, 3, padding=padding), nn.LeakyReLU(0.2), nn.Conv2d(6, 6, 3, padding=padding)]
    return nn.Sequential(*before, *convs, nn.LeakyReLU(0.2), nn.Conv2d(6, 3, 3, padding=padding))


class Ramp(nn.Module):
    """Tells where it is, loudly."""

    def forward(self, x):
        return x + 4 * coordinates(*x.shape[-2:]).sum(0)


def trained_pyramid():
    """All scales of a SinGAN, as if they had been trained."""
    model = MODELS.build(PYRAMID)
    model.set_pyramid([(8, 10), (12, 15)])
    model.stage.fill_(2)
    return model.eval()


def save(model, config, path):
    torch.save(dict(meta=dict(model=config), state_dict=model.state_dict()), path)
    return path


# -------------------------------------------------------------------------------------------------------------- verdict


def test_zero_padding_is_named_as_the_source_of_position():
    found = audit(stack(), noise, num=32)
    assert found.padding == ['zero']
    assert re.match(
        r'Reads absolute position from zero padding: R² \.\d\d at layer \d \(.+\), -?\.0\d with circ', found.verdict
    )
    assert re.search(r'reaches .*; balance', found.verdict)
    assert 'reflect padding changes the picture' in found.verdict
    assert set(found.results) | set(found.skipped) == {
        'position_probe',
        'periodic_probe',
        'spatial_bias',
        'periodic_bias',
        'stationarity',
        'equivariance',
        'equivariance_by_padding',
        'border_ablation',
    }
    assert not found.skipped


@pytest.mark.parametrize('module', [stack(padding=0), swapped(stack(), 'circular')], ids=['unpadded', 'circular'])
def test_without_a_border_there_is_no_sense_of_position(module):
    found = audit(module, noise, num=32)
    assert found.verdict.startswith('Shows no sense of absolute position')
    assert 'statistics are the same at every location' in found.verdict
    assert 'EQ-T ∞ dB' in found.verdict
    assert 'no padding that shows a border' in found.skipped['periodic_probe']


def test_what_comes_with_the_input_is_not_put_down_to_padding():
    explicit = audit(stack(Ramp(), padding=0), noise, num=32)
    assert explicit.verdict.startswith('Knows absolute position, and not from a layer that pads')
    both = audit(stack(Ramp()), noise, num=32)
    assert both.verdict.startswith('Knows absolute position without the help of its zero padding')


def test_what_does_not_apply_is_said_with_the_reason():
    module = nn.Sequential(nn.Unflatten(1, (1, 4, 4)), nn.ConvTranspose2d(1, 3, 4, 2, 1))
    found = audit(module, lambda num, rng: torch.randn(num, 16, generator=rng), num=16)
    assert 'no map among the inputs' in found.skipped['equivariance']
    assert 'one map of i.i.d. noise' in found.skipped['stationarity']
    assert 'Does not apply: there is no map among the inputs' in found.to_html()


def test_bad_layers_and_inputs_are_refused_before_the_work():
    with pytest.raises(InputError, match='the nearest are'):
        audit(stack(), noise, layers=['outptu'])
    with pytest.raises(InputError, match='not finite'):
        audit(stack(), lambda num, rng: noise(num, rng) * float('nan'))
    with pytest.raises(InputError, match='num=3'):
        audit(stack(), noise, num=3)


# ----------------------------------------------------------------------------------------------------------------- page


def test_the_page_is_whole_and_escapes_names(tmp_path):
    module = nn.Sequential()
    module.add_module('<b>&', nn.Conv2d(1, 3, 3, padding=1))
    module.add_module('act', nn.Tanh())
    found = audit(module, noise, tmp_path / 'new' / 'page.html', num=16, title='<script>')
    page = (tmp_path / 'new' / 'page.html').read_text(encoding='utf-8')
    assert '<script>' not in page
    assert '<b>' not in page
    assert '1 &lt;b&gt;&amp;' in page
    sources = re.findall(r'(?:src|href)="([^"]{0,40})', page)
    assert len(sources) == len(found.results)
    assert all(source.startswith('data:image/png;base64,') for source in sources)
    assert page.count('<table>') == len(found.results)


# ----------------------------------------------------------------------------------- a generator that no one here wrote


def test_the_decoder_of_a_diffusion_autoencoder_from_pypi(tmp_path):
    nets = pytest.importorskip('monai.networks.nets')
    options = dict(attention_levels=(False, False), with_encoder_nonlocal_attn=False, with_decoder_nonlocal_attn=False)
    decoder = nets.AutoencoderKL(
        2, 1, 1, num_res_blocks=(1, 1), channels=(8, 8), latent_channels=2, norm_num_groups=2, **options
    ).decoder.train()
    before = {name: value.clone() for name, value in decoder.state_dict().items()}
    found = audit(
        decoder, lambda num, rng: torch.randn(num, 2, 8, 8, generator=rng), tmp_path / 'page.html', num=32, max_layers=4
    )
    assert found.verdict.startswith('Reads absolute position from zero padding')
    assert found.layers[-1] == 'output'
    assert len(found.layers) == 4
    assert found.results['equivariance'].scale == 2
    assert (tmp_path / 'page.html').stat().st_size > 100_000
    assert decoder.training
    assert all(torch.equal(value, before[name]) for name, value in decoder.state_dict().items())


# ------------------------------------------------------------------------------------------------------ period, padding


def test_what_enlarging_repeats_is_no_knowledge_of_place():
    """Between its zeros a transposed convolution has other statistics at every second location."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(1, 4, 3), nn.LeakyReLU(0.2), nn.Conv2d(4, 4, 3))
    layers = ['0', '1', '2', '3', 'output']
    assert choose_periods(Subject(module, noise), None, layers) == dict.fromkeys(layers, 2)
    blind, seeing = (spatial_bias(module, noise, ['output'], period=period).layers[0] for period in (None, 1))
    assert (blind.reach, blind.period) == (0, 2)
    assert blind.border_d == blind.center_d == 0
    assert seeing.reach > 0
    assert seeing.center_d > 0


def test_periods_follow_strides_down_and_up():
    module = nn.Sequential(nn.AvgPool2d(2), nn.AvgPool2d(2), nn.Upsample(scale_factor=2), nn.Upsample(scale_factor=2))
    periods = choose_periods(Subject(module, noise), None, ['0', '1', '2', '3', 'output'])
    assert list(periods.values()) == [1, 1, 2, 4, 4]


def test_padding_is_named_and_swapped_wherever_it_is():
    pyramid = trained_pyramid().generator
    assert padding_names(pyramid) == ['zero']
    other = swapped(pyramid, 'reflect')
    assert padding_names(other) == ['reflect']
    assert padding_names(pyramid) == ['zero']
    assert padding_names(set_padding(stack(), 'interp')) == ['interp']
    assert padding_names(stack(padding=0)) == padding_names(nn.Conv2d(1, 1, 1, padding=0)) == []


# ------------------------------------------------------------------------------------------------- models of mmpe's own


def test_inputs_are_drawn_as_each_family_takes():
    pyramid = analysis_inputs(trained_pyramid(), (24, 30))
    inputs = pyramid.sample_input(2, torch.Generator())
    assert pyramid.generator(*inputs).shape == (2, 3, 24, 30)
    styles = analysis_inputs(MODELS.build(STYLES).eval(), (32, 48))
    inputs = styles.sample_input(2, torch.Generator())
    assert styles.generator(*inputs).shape == (2, 3, 32, 48)
    with pytest.raises(InputError, match='multiples of 4'):
        analysis_inputs(MODELS.build(STYLES), (17, 17))
    with pytest.raises(InputError, match='not known'):
        analysis_inputs(nn.Conv2d(1, 1, 1))


def test_maps_of_the_style_generator_are_seen_through_their_scale():
    fed = analysis_inputs(MODELS.build(STYLES).eval())
    layers = find_layers(fed.generator, fed.sample_input)
    assert {'first', 'blocks.0.up', 'blocks.0', 'output'} <= set(layers)
    assert len(layers) == len(set(layers))


LATENTS = dict(out_size=16, latent_channels=6)
POINTWISE = dict(type='PointwiseHead', encoding=dict(type='CartesianGrid'))
FAMILIES = dict(
    styles=STYLES,
    dcgan=dict(type='DCGANModel', generator=dict(LATENTS, type='ConvGenerator', channels=8, head=POINTWISE)),
    pggan=dict(type='PGGANModel', generator=dict(LATENTS, type='GrowingGenerator', max_channels=8, head=POINTWISE)),
)


@pytest.mark.parametrize('family', FAMILIES)
def test_pictures_are_shifted_by_their_coordinates_where_there_is_an_encoding(family):
    fed = analysis_inputs(MODELS.build(FAMILIES[family]).eval(), (32, 40))
    sample_input, shift = fed.translation['sample_input'], fed.translation['shift']
    inputs = sample_input(2, torch.Generator())
    before, after = (next(x for x in some if x is not None and x.shape[-1] == 2) for some in _tensors(inputs, shift))
    assert before.shape == (8, 10, 2)
    assert torch.allclose(after[1:, 2:], before[:-1, :-2], atol=1e-5)
    found = equivariance(fed.generator, **fed.translation, num=4, shifts=[(1, 2)], fractional=[])
    assert found.scale == 4
    assert found.error_map.shape == (32, 40)
    assert 0 < found.eq_t < 100


@pytest.mark.parametrize('encoding', [None, dict(type='CartesianGrid'), dict(type='LearnableGrid', channels=3, size=5)])
def test_a_pyramid_is_shifted_at_its_coarsest_scale_and_its_coordinates_too(encoding):
    """Where nothing but noise and coordinates says where it is, the picture moves with them."""
    found = {}
    for padding in ('OversizedNoise', 'PadEachLayer'):
        generator = dict(type='SinGANGenerator', base_channels=4, padding=dict(type=padding), encoding=encoding)
        model = MODELS.build(dict(type='SinGANModel', generator=generator))
        model.set_pyramid([(12, 16), (18, 24)])
        model.stage.fill_(2)
        fed = analysis_inputs(model.eval())
        found[padding] = equivariance(fed.generator, **fed.translation, num=4)
        inputs = fed.translation['sample_input'](1, torch.Generator())
        assert fed.generator(*inputs).shape == (1, 3, 12, 16)
    assert found['OversizedNoise'].eq_t == math.inf
    assert found['PadEachLayer'].relative_error > 1e-3


def _tensors(inputs, shift):
    """Tensors among the arguments, before and after a shift down by one cell and right by two."""
    return [[x for x in some if isinstance(x, torch.Tensor)] for some in (inputs, shift(inputs, (1, 2)))]


@pytest.fixture
def tool(monkeypatch):
    def run(*args):
        monkeypatch.setattr(sys, 'argv', ['audit.py', *map(str, args)])
        runpy.run_path(str(TOOL), run_name='__main__')

    return run


@pytest.mark.parametrize('family', ['styles', 'pyramid'])
def test_the_tool_audits_a_checkpoint(tool, tmp_path, capsys, family):
    torch.manual_seed(0)
    model, config = (MODELS.build(STYLES), STYLES) if family == 'styles' else (trained_pyramid(), PYRAMID)
    path = save(model, config, tmp_path / 'model.pth')
    layers = ['--layers', 'first', 'output'] if family == 'styles' else []
    tool(path, '--out', tmp_path / 'page.html', '--num', 16, *layers)
    said = capsys.readouterr().out.splitlines()
    assert 'absolute position' in said[0]
    page = (tmp_path / 'page.html').read_text(encoding='utf-8')
    assert type(load(path).generator).__name__ in page
    assert 'of several sizes' not in page
    assert 'made by mmpe audit' in page  # by which the tool knows it again


def test_the_tool_says_in_a_line_what_is_wrong(tool, tmp_path, capsys):
    path = save(MODELS.build(STYLES), STYLES, tmp_path / 'model.pth')
    for args, words in (
        (['nowhere.pth'], 'there is no checkpoint'),
        ([path, '--layers', 'frist'], "'first'"),
        ([path, '--num', 2], '--num: 2 cannot work'),
        ([path, '--size', 17], 'multiples of 4'),
        ([save(MODELS.build(PYRAMID), PYRAMID, tmp_path / 'new.pth')], 'not been trained'),
    ):
        with pytest.raises(SystemExit) as stopped:
            tool(*args, '--out', tmp_path / 'page.html')
        assert stopped.value.code == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert error.startswith('error: ')
        assert words in error
