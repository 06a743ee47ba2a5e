"""Exported files against the models, run by onnxruntime and by PyTorch without mmpe."""

import json
import subprocess
import sys
from importlib import import_module

import pytest
import torch
from mmengine.model import BaseModel

from mmpe import cli
from mmpe.apis import export
from mmpe.apis.export import FORMATS
from mmpe.errors import InputError
from mmpe.models.padding import MODES
from mmpe.registry import MODELS

POINTWISE = dict(type='PointwiseHead')
SPE = dict(type='SinusoidalEncoding', embedding_dim=4)
NO_PADDING = dict(padding='none', upsampling=dict(type='BilinearThenConv'))


def drawn(model):
    """With weights that let images depend on latents and noise."""
    rng = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=rng)
    return model.eval()


def model_config(kind, generator, **settings):
    return dict(type=kind, generator=dict(generator, out_size=8), **settings)


def style_config(**settings):
    parts = dict(type='StyleGenerator', style_channels=8, num_mapping_layers=2, max_channels=8, encoding=SPE)
    return model_config('StyleGAN2Model', dict(parts, **settings))


def dcgan_config(**settings):
    return model_config('DCGANModel', dict(type='ConvGenerator', latent_channels=6, channels=8, **settings))


def pggan_config(**settings):
    parts = dict(type='GrowingGenerator', latent_channels=6, base_channels=32, max_channels=8)
    return model_config('PGGANModel', dict(parts, **settings), kimgs_per_scale={4: 1, 8: 1}, transition_kimgs=0.5)


def singan_config(kind='SinGANGenerator', **settings):
    return dict(type='SinGANModel', generator=dict(type=kind, base_channels=4, **settings))


def build(config):
    model = MODELS.build(config)
    if config['type'] == 'SinGANModel':
        model.set_pyramid([(8, 12), (11, 17)])
        model.stage.fill_(2)
        model.noise_weights[1] = 0.4
    if config['type'] == 'PGGANModel':
        model.images_seen.fill_(1250)  # the newest layers are half faded in
    return drawn(model)


def checkpoint(config, path):
    torch.save(dict(meta=dict(model=config), state_dict=build(config).state_dict()), path)
    return str(path)


def call(model, num, size):
    """The inputs of a file for some images of a size, as a user would draw them, and what the model makes of them."""
    rng = torch.Generator().manual_seed(num)
    generator = model.sampled_generator
    with torch.no_grad():
        if model.family == 'SinGAN':
            shapes = [generator.noise_shape(scale, one) for scale, one in enumerate(model.scaled_sizes(size))]
            noises = [torch.randn(num, *shape, generator=rng) for shape in shapes]
            return noises, generator(noises, model.noise_weights)
        base = generator.base_size(size)
        if model.family == 'StyleGAN2':
            z = torch.randn(num, generator.style_channels, generator=rng)
            noises = [torch.randn(num, 1, *shape, generator=rng) for shape in generator.noise_shapes(base)]
            return [z, *noises], generator(z, base, injected_noise=noises)
        z = torch.randn(num, *generator.latent_shape(base), generator=rng)
        return [z], generator(z, *model.stage_arguments, base).expand(-1, 3, -1, -1)


def assert_agrees(run, model, sizes):
    for num, size in enumerate(sizes, start=1):
        inputs, images = call(model, num, size)
        assert images.shape == (num, 3, *size) and images.std() > 0.01
        torch.testing.assert_close(run(inputs), images, rtol=0, atol=1e-4 * max(1, images.abs().max().item()))


# -------------------------------------------------------------------- what runs the files

ONE_OF_EACH_FAMILY = {
    'StyleGAN2': (style_config(), [(8, 8), (8, 14), (12, 6)]),
    'DCGAN': (dcgan_config(head=dict(POINTWISE, encoding=dict(type='CartesianGrid'))), [(8, 8), (8, 14), (12, 6)]),
    'PGGAN': (pggan_config(), [(8, 8)] * 3),
    'SinGAN': (singan_config(encoding=dict(type='CartesianGrid')), [(11, 17), (11, 29), (20, 17)]),
}


@pytest.mark.parametrize('family', ONE_OF_EACH_FAMILY)
def test_onnxruntime_makes_the_same_images_at_all_sizes(family, tmp_path):
    onnxruntime = pytest.importorskip('onnxruntime')
    config, sizes = ONE_OF_EACH_FAMILY[family]
    file = tmp_path / 'sampler.onnx'
    cli.main(['export', checkpoint(config, tmp_path / 'x.pth'), '--out', str(file)])
    session = onnxruntime.InferenceSession(file)
    names = [value.name for value in session.get_inputs()]

    def run(inputs):
        (images,) = session.run(None, dict(zip(names, (value.numpy() for value in inputs), strict=True)))
        return torch.from_numpy(images)

    assert_agrees(run, build(config), sizes)
    told = json.loads(session.get_modelmeta().custom_metadata_map['mmpe'])
    assert [value['shape'] for value in told['inputs']] == [value.shape for value in session.get_inputs()]
    assert list(map(str, told['output']['shape'])) == list(map(str, session.get_outputs()[0].shape))
    assert told['model'] == config['type']


WITHOUT_MMPE = """
import sys
sys.modules['mmpe'] = None
import torch
run = torch.export.load('sampler.pt2').module()
torch.save(run(*torch.load('inputs.pt')), 'images.pt')
"""


def test_pytorch_runs_a_file_without_mmpe(tmp_path):
    config = style_config(encoding=dict(type='LearnableGrid', channels=4))
    cli.main(['export', checkpoint(config, tmp_path / 'x.pth'), '--format=torch', f'--out={tmp_path / "sampler.pt2"}'])

    def run(inputs):
        torch.save(inputs, tmp_path / 'inputs.pt')
        subprocess.run([sys.executable, '-c', WITHOUT_MMPE], cwd=tmp_path, check=True)
        return torch.load(tmp_path / 'images.pt')

    assert_agrees(run, build(config), [(16, 10)])


KINDS = {
    'one size': (dcgan_config(out_channels=1), [(8, 8)]),
    'iid': (dcgan_config(head=POINTWISE, padding='none'), [(8, 8), (12, 16)]),
    'growing': (pggan_config(head=dict(POINTWISE, encoding=SPE), padding='none'), [(8, 8), (12, 16)]),
    'bilinear, no padding': (style_config(**NO_PADDING), [(8, 8), (4, 6)]),
    'centered': (style_config(encoding=dict(SPE, center=10)), [(8, 8), (2, 6)]),
    'resized': (style_config(encoding=dict(type='ResizedEncoding', encoding=SPE)), [(8, 8), (12, 6)]),
    'cosines': (style_config(encoding=dict(type='CosineBasis', num_frequencies=3)), [(8, 8), (4, 6)]),
    'palette': (singan_config('SinGANPaletteGenerator'), [(11, 17), (22, 34)]),
    'larger noise': (singan_config(padding='none'), [(11, 17), (17, 17)]),
    'released': (
        singan_config(
            'SinGANMSGeneratorPE',
            in_channels=3,
            out_channels=3,
            min_feat_channels=4,
            first_stage_in_channels=2,
            num_scales=1,
            positional_encoding=dict(type='CSG'),
        ),
        [(11, 17), (11, 29)],
    ),
    **{
        f'{mode} once': (singan_config(padding=dict(type='PadInputOnce', mode=mode)), [(22, 34)])
        for mode in MODES
        if mode != 'none'
    },
}


OFTEN = ('one size', 'resized', 'larger noise')  # a graph takes seconds


@pytest.mark.parametrize(
    'kind', [kind if kind in OFTEN else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
)
def test_every_kind_of_part_can_be_exported(kind, tmp_path):
    config, sizes = KINDS[kind]
    export(build(config), tmp_path / 'x.pt2', 'torch')
    run = torch.export.load(tmp_path / 'x.pt2').module()
    assert_agrees(lambda inputs: run(*inputs), build(config), sizes)


def test_images_of_a_growing_model_have_the_full_size(tmp_path):
    model = build(pggan_config())
    model.images_seen.fill_(200)
    export(model, tmp_path / 'x.pt2', 'torch')
    z = torch.randn(2, 6)
    small = model.generator_ema(z, 4, 1.0)
    images = torch.export.load(tmp_path / 'x.pt2').module()(z)
    torch.testing.assert_close(images, small.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_without_noise_the_grid_is_an_input(tmp_path):
    model = build(style_config(inject_noise=False, encoding=dict(type='CartesianGrid'), **NO_PADDING))
    export(model, tmp_path / 'x.pt2', 'torch', truncation=0.5)
    z, x, y = torch.randn(2, 8), torch.linspace(-1, 0.5, 7), torch.linspace(0, 1, 5)
    coordinates = torch.stack(torch.meshgrid(x, y, indexing='xy'), -1)
    images = model.generator_ema(z, coordinates=coordinates, truncation=0.5)
    torch.testing.assert_close(torch.export.load(tmp_path / 'x.pt2').module()(z, coordinates), images)


# -------------------------------------------------------------------- what is refused, and what is not kept


def refusal(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        cli.main(['export', *map(str, arguments)])
    assert end.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


@MODELS.register_module()
class FamilyWithoutSampler(BaseModel):
    def forward(self, inputs=None, data_samples=None, mode='tensor'):
        return inputs

    def sample(self, num=1, seed=0, first=0):
        return torch.zeros(num, 3, 8, 8)


def test_what_cannot_be_exported_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = checkpoint(dcgan_config(), 'x.pth')
    assert 'missing.pth' in refusal(capsys, 'missing.pth', '--format', 'torch')
    assert refusal(capsys, path, '--format', 'torch', '--out', 'x.onnx').endswith('must end in .pt2')
    assert 'without a truncation' in refusal(capsys, path, '--format', 'torch', '--truncation', '0.5')
    assert 'coreml' in refusal(capsys, path, '--format', 'coreml')
    untrained = singan_config()
    torch.save(dict(meta=dict(model=untrained), state_dict=MODELS.build(untrained).state_dict()), 'y.pth')
    assert 'not been trained' in refusal(capsys, 'y.pth', '--format', 'torch')
    torch.save(dict(meta=dict(model=dict(type='FamilyWithoutSampler')), state_dict={}), 'z.pth')
    assert 'a FamilyWithoutSampler cannot be exported' in refusal(capsys, 'z.pth', '--format', 'torch')


def test_missing_packages_are_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(import_module('mmpe.apis.export'), 'find_spec', lambda name: None)
    message = refusal(capsys, checkpoint(dcgan_config(), tmp_path / 'x.pth'), '--out', tmp_path / 'x.onnx')
    assert 'onnxruntime' in message and "pip install 'mmpe[export]'" in message


def test_another_file_is_replaced_only_if_asked(tmp_path, capsys):
    path, out = checkpoint(dcgan_config(), tmp_path / 'x.pth'), tmp_path / 'x.pt2'
    out.write_text('mine')
    assert '--overwrite' in refusal(capsys, path, '--format', 'torch', '--out', out)
    assert out.read_text() == 'mine'
    cli.main(['export', path, '--format', 'torch', '--out', str(out), '--overwrite'])
    cli.main(['export', path, '--format', 'torch', '--out', str(out)])  # its own
    assert torch.export.load(out).module()(torch.randn(3, 6)).shape == (3, 3, 8, 8)


def test_a_file_that_does_not_agree_is_not_kept(tmp_path, monkeypatch):
    model = build(dcgan_config())
    read = FORMATS['torch'].read

    def off(path):
        run = read(path)
        return lambda inputs: run(inputs) + 2e-4

    monkeypatch.setitem(FORMATS, 'torch', type(FORMATS['torch'])('.pt2', FORMATS['torch'].write, off))
    with pytest.raises(InputError, match='8x8 that differ by 0.0002 .* is not written'):
        export(model, tmp_path / 'x.pt2', 'torch')
    assert not list(tmp_path.iterdir())


def test_the_model_is_left_as_it_is(tmp_path):
    model = build(dcgan_config()).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    export(model, tmp_path / 'x.pt2', 'torch')
    assert model.generator.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
