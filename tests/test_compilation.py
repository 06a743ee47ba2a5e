"""Networks compiled by ``compile``, MMEngine's key, train and sample as they do uncompiled."""

import copy
import io
from functools import partial

import pytest
import torch
from classic_runs import tiny_config as classic_config
from mmengine.config import Config
from mmengine.runner import Runner
from singan_runs import REPOSITORY, assert_same, checkpoint, run
from singan_runs import tiny_config as singan_config
from stylegan2_models import small_model
from stylegan2_runs import tiny_config as stylegan2_config
from torch._dynamo import register_backend, reset
from torch._dynamo.utils import counters

import mmpe.cli.sample as sampling_tool
import mmpe.cli.train as training_tool
from mmpe.apis import load, train
from mmpe.engine.compilation import as_compilation_error, compile_network
from mmpe.errors import InputError
from mmpe.models.losses import gradient_penalty, path_lengths, r1_penalty
from mmpe.registry import MODELS

AOT = dict(backend='aot_eager', fullgraph=True)
DYNAMO = dict(backend='eager', fullgraph=True)  # what traces without what differentiates: as many graphs, faster


@pytest.fixture(autouse=True)
def nothing_compiled():
    reset()
    counters.clear()
    yield
    reset()


def graphs() -> int:
    """How many have been compiled, since the test began."""
    assert not counters['graph_break']
    return counters['stats']['unique_graphs']


def dcgan_config(work_dir, **options) -> Config:
    model = dict(generator=dict(out_size=8, channels=4), discriminator=dict(in_size=8, channels=4))
    return classic_config(work_dir, REPOSITORY / 'configs/dcgan/dcgan_quickstart.py', model, 2, **options)


def pggan_config(work_dir, **options) -> Config:
    small = dict(base_channels=16, max_channels=4)
    model = dict(
        generator=dict(small, out_size=8, latent_channels=4),
        discriminator=dict(small, in_size=8),
        kimgs_per_scale=dict(_delete_=True, **{'4': 0.004, '8': 0.012}),
        transition_kimgs=0.008,
    )
    return classic_config(work_dir, REPOSITORY / 'configs/pggan/pggan_quickstart.py', model, 3, **options)


def style_config(work_dir, **options) -> Config:
    small = {'model.generator.out_size': 8, 'model.discriminator.in_size': 8, 'model.scales': None}
    return stylegan2_config(work_dir, iterations=2, **small, **options)


def pyramid_config(work_dir, **options) -> Config:
    small = dict(train_dataloader__dataset__max_size=27, model__freeze_norm_at=0.5)  # one scale, frozen halfway
    chains = dict(model__generator__num_layers=2, model__discriminator__num_layers=2)
    return singan_config(work_dir, iters_per_scale=2, **small, **chains, **options)


@pytest.mark.parametrize('make', [dcgan_config, pggan_config, style_config, pyramid_config])
def test_a_compiled_run_trains_the_same(tmp_path, make):
    """Same names, weights and running averages; no graph breaks; and it is resumed to the bit."""
    plain = run(make(tmp_path / 'plain'))
    compiled = run(make(tmp_path / 'compiled', compile=AOT))
    assert graphs() > 1
    expected, found = (checkpoint(tmp_path / name, plain.iter) for name in ('plain', 'compiled'))
    assert found['state_dict'].keys() == expected['state_dict'].keys()
    for name, value in expected['state_dict'].items():
        assert torch.allclose(found['state_dict'][name], value, rtol=1e-3, atol=1e-5), name
    assert compiled.model.state_dict().keys() == plain.model.state_dict().keys()
    resumed = dict(compile=AOT, resume=True, load_from=str(tmp_path / 'compiled/iter_1.pth'))
    run(make(tmp_path / 'resumed', **resumed))
    for key in ('state_dict', 'optimizer'):
        found, expected = (checkpoint(tmp_path / name, plain.iter)[key] for name in ('resumed', 'compiled'))
        assert_same(found, expected)


# -------------------------------------------------------------------- graphs


def style_generator():
    encoding = dict(type='SinusoidalEncoding', embedding_dim=4)
    small = dict(style_channels=4, num_mapping_layers=1, max_channels=4, encoding=encoding)
    return MODELS.build(dict(small, type='StyleGenerator', out_size=8, upsampling=dict(type='ConvThenBilinear')))


def style_networks():
    generator = style_generator()
    critic = MODELS.build(dict(type='StyleDiscriminator', in_size=8, max_channels=4, pool_size=2))
    compile_network(generator, DYNAMO)
    compile_network(critic, DYNAMO)

    def draw(size):
        critic(generator(torch.randn(2, 4), generator.base_size(size), injected_noise='fixed'))

    return draw


def singan_networks():
    model = MODELS.build(
        dict(
            type='SinGANModel',
            generator=dict(type='SinGANGenerator', base_channels=4),
            discriminator=dict(type='SinGANDiscriminator', base_channels=4),
        )
    )
    model.set_pyramid([(16 + 4 * i, 20 + 7 * i) for i in range(4)])
    compile_network(model.generator, DYNAMO)
    compile_network(model.discriminator, DYNAMO)

    def draw(size):
        scale = (size[0] - 16) // 4
        noise = torch.randn(1, *model.generator.noise_shape(scale, size))
        model.discriminator(model.generator.refine(scale, noise, 1.0), scale)

    return draw


def pggan_networks():
    small = dict(base_channels=32, max_channels=8)
    generator = MODELS.build(dict(small, type='GrowingGenerator', out_size=32, latent_channels=4))
    critic = MODELS.build(dict(small, type='GrowingDiscriminator', in_size=32))
    compile_network(generator, DYNAMO)
    compile_network(critic, DYNAMO)

    def draw(size):
        for weight in (0.25, 0.5, 1.0):
            critic(generator(torch.randn(4, 4), size[0], weight), size[0], weight)

    return draw


@pytest.mark.parametrize(
    'build, sizes, first, more',
    [
        (style_networks, [(8, 8), (12, 12), (16, 16), (8, 14), (20, 10)], 3, 4),  # mapping, generator, critic
        (singan_networks, [(16, 20), (20, 27), (24, 34), (28, 41)], 2, 2),
        (pggan_networks, [(4, 4), (8, 8), (16, 16), (32, 32)], 0, 6),  # a block of each network for each doubling
    ],
)
def test_sizes_share_graphs(build, sizes, first, more):
    """Two networks, each of which is compiled again twice at most whatever the number of sizes."""
    draw = build()
    draw(sizes[0])
    assert graphs() == first
    for size in sizes[1:]:
        draw(size)
    assert graphs() <= first + more
    assert not counters['graph_break']


@pytest.mark.parametrize('side, weight', [(4, 1.0), (16, 0.3)])
def test_a_growing_network_has_no_graph_break_as_a_whole_either(side, weight):
    small = dict(base_channels=32, max_channels=8)
    generator = MODELS.build(dict(small, type='GrowingGenerator', out_size=16, latent_channels=4))
    critic = MODELS.build(dict(small, type='GrowingDiscriminator', in_size=16))
    images = torch.compile(generator, **DYNAMO)(torch.randn(4, 4), side, weight)
    assert torch.compile(critic, **DYNAMO)(images, side, weight).shape == (4, 1)


def test_any_sizes_are_one_call_of_a_compiled_generator():
    """Sizes as numbers, which a user's own compilation sees."""
    compiled = torch.compile(style_generator(), **DYNAMO)
    for base in (4, 6, 8, 12):
        assert compiled(torch.randn(2, 4), base).shape[-1] == 2 * base
    assert graphs() <= 3


# -------------------------------------------------------------------- what stays uncompiled


def test_second_derivatives_are_those_of_uncompiled_networks():
    plain = small_model()
    compiled = copy.deepcopy(plain)
    for network in (compiled.generator, compiled.discriminator):
        compile_network(network, dict(backend='aot_eager'))  # which has no second derivatives
    real, noise = torch.randn(2, 3, 16, 16), torch.randn(2, 3, 16, 16)
    styles = torch.randn(2, plain.generator.num_latents, 8)
    for model in (plain, compiled):
        draw = lambda s, model=model: model.generator.synthesize(s, 4, injected_noise='fixed')  # noqa: E731
        (r1_penalty(model.discriminator, real) + gradient_penalty(model.discriminator, real)).backward()
        path_lengths(draw, styles.clone().requires_grad_(True), noise).sum().backward()
    assert_same([p.grad for p in compiled.parameters()], [p.grad for p in plain.parameters()])
    assert graphs() == 0


def test_a_loss_that_differentiates_what_is_compiled_is_told_how():
    network = MODELS.build(dict(type='ConvDiscriminator', in_size=8, channels=2))
    compile_network(network, dict(backend='aot_eager'))
    x = torch.ones(2, 3, 8, 8, requires_grad=True)
    with pytest.raises(InputError, match='second_derivatives'), as_compilation_error(True):
        (slope,) = torch.autograd.grad(network(x).square().sum(), x, create_graph=True)
        slope.sum().backward()


def test_a_copy_is_uncompiled():
    """A running average, or what is sent to another process."""
    generator = style_generator()
    compile_network(generator, DYNAMO)
    for other in copy.deepcopy(generator), torch.load(_saved(generator), weights_only=False):
        other(torch.randn(1, 4))
    assert graphs() == 0
    generator(torch.randn(1, 4))
    assert graphs() == 2  # the mapping network's, and the one from there to the image


def _saved(thing) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(thing, file)
    file.seek(0)
    return file


def test_validation_is_uncompiled(tmp_path):
    """Scores are to be those of the same checkpoint, loaded by who does not compile."""
    model = load_trained(tmp_path)
    compile_network(model.generator, DYNAMO)
    (scored,) = model.val_step([dict(number=0, sizes=None)])
    assert graphs() == 0
    drawn = model.sample(1)[0].clamp(-1, 1)
    assert graphs() > 0
    assert torch.allclose(drawn, scored['samples'][0], atol=1e-6)


def load_trained(folder):
    """A SinGAN of one scale, whose generator is also the network that is trained."""
    return load(folder / f'iter_{run(pyramid_config(folder)).iter}.pth')


# -------------------------------------------------------------------- runs


def fails(graph, inputs):
    raise OSError('no compiler on this machine')


def test_a_compiler_that_fails_is_one_line(tmp_path):
    register_backend(fails, name='failing')
    config = dcgan_config(tmp_path, launcher='none', compile=dict(backend='failing'))
    with pytest.raises(InputError, match='^compile=.*no compiler on this machine.*leave it out'):
        train(config)


@pytest.mark.parametrize(
    'value, said',
    [
        ('inductor', r"^compile='inductor' cannot work: it must be True, False, or a dict"),
        (1, '^compile=1 cannot work: it must be True'),
        (['inductor'], '^compile='),
        (dict(backend='nvfuser'), r"^compile=\{'backend': 'nvfuser'\} cannot work: .*nvfuser"),
        (dict(mode='fastest'), '^compile=.* cannot work: .*fastest'),
        (dict(mode='default', options=dict(max_autotune=True)), '^compile=.* cannot work: '),
        (dict(bakend='inductor'), '^compile.bakend is not an option: there are backend, '),
    ],
)
def test_what_cannot_be_compiled_by_is_refused(tmp_path, value, said):
    with pytest.raises(InputError, match=said):
        Runner.from_cfg(pyramid_config(tmp_path, compile=value, experiment_name=said[:20])).train()


# -------------------------------------------------------------------- tools


@pytest.mark.parametrize('in_config, trained_by', [(None, True), (dict(mode='max-autotune'),) * 2, (False, True)])
def test_the_option_of_the_training_tool(tmp_path, monkeypatch, in_config, trained_by):
    seen = []
    monkeypatch.setattr('mmpe.cli.train.train', seen.append)
    config = dcgan_config(tmp_path)
    config.compile = in_config
    config.dump(tmp_path / 'config.py')
    training_tool.main([str(tmp_path / 'config.py'), '--compile'])
    assert seen[0].compile == trained_by


def test_the_option_of_the_sampling_tool(tmp_path, monkeypatch):
    """With a cheaper compiler than the tool's."""
    run(dcgan_config(tmp_path))
    file = str(tmp_path / 'iter_2.pth')
    used = partial(compile_network, options=DYNAMO)
    monkeypatch.setattr('mmpe.cli.sample.compile_network', lambda network, options: used(network))
    for compile in (False, True):
        words = [file, '--num', '2', '--out', str(tmp_path / str(compile))]
        sampling_tool.main(words + ['--compile'] * compile)
    plain, compiled = ((tmp_path / name / 'sample_001.png').read_bytes() for name in ('False', 'True'))
    assert graphs() == 1
    assert plain == compiled
