"""The configurations of the paper: of the parts that it names, at full size, and trained at reduced width."""

import pytest
import torch
from singan_runs import assert_same, checkpoint, run
from stylegan2_runs import CONFIGS, tiny_config

from mmpe.apis import load, load_config
from mmpe.numbers import as_size
from mmpe.registry import MODELS

CONSTANT4, CONSTANT6 = (dict(type='LearnableGrid', channels=512, size=size) for size in (4, 6))
GRID = dict(type='CartesianGrid')
SPE = dict(type='SinusoidalEncoding', embedding_dim=256)
SPE4, SPE6 = (dict(type='ResizedEncoding', encoding=SPE, size=size) for size in (4, 6))
CENTERED = dict(SPE, center=100)
ONE, TO_512, TO_896, TO_1024 = (0,), (0, 2, 4), (0, 4, 10), (0, 4, 12)

# Section 4.2 of the paper and its table 4: head, up-sampling, padding, scales.
MSPIE = 'mspie-stylegan2-config-{}_8xb3-1100kiters_ffhq-256-512'
TABLE = {
    'stylegan2_c2_8xb3-1100kiters_ffhq-256x256': (CONSTANT4, 'TransposedConvBlur', 'zero', ONE),
    'stylegan2_c2_8xb3-1100kiters_ffhq-512x512': (CONSTANT4, 'TransposedConvBlur', 'zero', ONE),
    MSPIE.format('c_c2'): (CONSTANT4, 'ConvThenBilinear', 'zero', TO_512),
    MSPIE.format('d_c2'): (GRID, 'ConvThenBilinear', 'zero', TO_512),
    MSPIE.format('e_c2'): (SPE4, 'ConvThenBilinear', 'zero', TO_512),
    MSPIE.format('f_c2'): (SPE, 'ConvThenBilinear', 'zero', TO_512),
    MSPIE.format('f-centered_c2'): (CENTERED, 'ConvThenBilinear', 'zero', TO_512),
    MSPIE.format('g_c1'): (SPE, 'ConvThenBilinear', 'zero', TO_512),
    MSPIE.format('h_c2'): (CONSTANT6, 'BilinearThenConv', 'none', TO_512),
    MSPIE.format('i_c2'): (GRID, 'BilinearThenConv', 'none', TO_512),
    MSPIE.format('j_c2'): (SPE6, 'BilinearThenConv', 'none', TO_512),
    MSPIE.format('k_c2'): (SPE, 'BilinearThenConv', 'none', TO_512),
    MSPIE.format('k-centered_c2'): (CENTERED, 'BilinearThenConv', 'none', TO_512),
    'mspie-stylegan2-config-f_c2_8xb3-1100kiters_ffhq-256-896': (SPE, 'ConvThenBilinear', 'zero', TO_896),
    'mspie-stylegan2-config-f_c1_8xb2-1600kiters_ffhq-256-1024': (SPE, 'ConvThenBilinear', 'zero', TO_1024),
}
NAMES = sorted(path.stem for path in CONFIGS.glob('*stylegan2*.py'))


def config_of(name):
    return load_config(CONFIGS / f'{name}.py')


def multipliers_of(name):
    """Of the generator and the discriminator: 1 where c1 is in the name, but f-1024's discriminator is f's."""
    multiplier = 1 if '_c1_' in name else 2
    return multiplier, 2 if name.endswith('1024') else multiplier


def test_all_configurations_are_here():
    assert {name for name in NAMES if '_quickstart' not in name} == {*TABLE, 'mspie-stylegan2_drawn-faces'}


@pytest.mark.parametrize('name', TABLE)
def test_parts_are_the_papers(name):
    encoding, upsampling, padding, offsets = TABLE[name]
    cfg = config_of(name)
    generator, discriminator = cfg.model.generator, cfg.model.discriminator
    single = offsets == ONE
    assert generator.encoding == encoding
    assert (generator.upsampling, generator.padding) == (dict(type=upsampling), padding)
    assert generator.out_size == discriminator.in_size == (512 if '512x512' in name else 256)
    assert cfg.model.get('scales') == (None if single else dict(offsets=offsets, probabilities=(0.5, 0.25, 0.25)))
    assert discriminator.get('pool_size') == (None if single else 2)


@pytest.mark.parametrize('name', TABLE)
def test_schedule_is_the_papers(name):
    """Adam, slowed down by the lazy regularisation's shares; what the file's name says of batch and iterations."""
    cfg = config_of(name)
    assert cfg.train_dataloader.batch_size == (2 if '8xb2' in name else 3)
    assert cfg.train_cfg.max_iters == (1_600_000 if '1600k' in name else 1_100_000)
    model = cfg.model
    assert model.losses == dict(r1=dict(weight=10, interval=16), path_length=dict(weight=2, interval=4))
    assert (model.mixing_probability, model.ema) == (0.9, dict(half_life=10_000))
    for network, interval in (('generator', 4), ('discriminator', 16)):
        share = interval / (interval + 1)
        optimizer = cfg.optim_wrapper[network].optimizer
        assert (optimizer.type, optimizer.lr) == ('Adam', pytest.approx(0.002 * share))
        assert optimizer.betas == pytest.approx((0, 0.99**share))


@pytest.mark.parametrize('name', TABLE)
def test_full_width(name):
    """Built on the meta device, where there are shapes only: 16384 c / resolution channels, 512 at most."""
    cfg = config_of(name).model
    with torch.device('meta'):
        model = MODELS.build(cfg)
    top = 16384 // model.generator.out_size
    generator, discriminator = model.generator, model.discriminator
    multipliers = multipliers_of(name)
    assert (generator.blocks[-1].to_rgb.weight.shape[1], discriminator.from_rgb.bias.shape[0]) == tuple(
        top * multiplier for multiplier in multipliers
    )
    assert generator.first.bias.shape == (512,)
    assert discriminator.hidden.weight.shape == (512, 512 * (4 if 'scales' in cfg else 16))


@pytest.mark.parametrize('name', NAMES)
def test_full_size_scales_run_through_both_networks(name):
    """At the resolutions of the paper and four channels; pictures are stored large enough, and scored at all scales."""
    cfg = config_of(name)
    inner = cfg.model.generator.encoding.get('encoding', cfg.model.generator.encoding)
    inner.update({key: 4 for key in ('channels', 'embedding_dim') if key in inner})
    cfg.model.generator.update(max_channels=4, style_channels=4)
    cfg.model.discriminator.update(max_channels=4)
    model = MODELS.build(cfg.model)
    small = 32 if '_quickstart' in name else 64 if 'drawn-faces' in name else None
    side = small or (512 if '512x512' in name else 256)
    squares = [((4 + d) * side // 4,) * 2 for d in (TABLE[name][3] if name in TABLE else TO_512)]
    assert model.sizes == ([(32, 32), (32, 64), (64, 32)] if name.endswith('_shapes') else squares)
    for size in model.sizes:
        images = model.sample(1, size)
        assert images.shape == (1, 3, *size)
        with torch.no_grad():
            assert model.discriminator(images).shape == (1, 1)

    stored = cfg.train_dataloader.dataset
    if stored.size is None:
        assert [as_size(size) for size in stored.sizes] == model.sizes
    else:
        assert stored.size >= max(max(size) for size in model.sizes)
    for loader in (cfg.get('val_dataloader'), cfg.test_dataloader):
        if loader is not None:
            sizes = {size if isinstance(size, tuple) else (size, size) for size in loader.dataset.sizes}
            assert sizes >= set(model.sizes)
            assert all(model.generator.image_size(model.generator.base_size(size)) == size for size in sizes)


@pytest.mark.parametrize('name', NAMES)
def test_trains_resumes_and_samples(name, tmp_path):
    config = CONFIGS / f'{name}.py'
    run(tiny_config(tmp_path / 'whole', config, 3))
    last = str(tmp_path / 'whole/iter_2.pth')
    run(tiny_config(tmp_path / 'resumed', config, 3, resume=True, load_from=last))
    for key in ('state_dict', 'optimizer'):
        assert_same(checkpoint(tmp_path / 'resumed', 3)[key], checkpoint(tmp_path / 'whole', 3)[key])

    before, after = (load(tmp_path / f'whole/iter_{i}.pth') for i in (1, 3))
    assert int(after.images_seen) == 12 and int(after.iteration) == 3
    for network in ('generator', 'generator_ema', 'discriminator'):
        pairs = zip(getattr(before, network).parameters(), getattr(after, network).parameters())
        assert not all(torch.equal(old, new) for old, new in pairs)
    assert len(after.sizes) == (len(TABLE[name][3]) if name in TABLE else 3)
    for size in [*after.sizes, (20, 28)]:
        images = after.sample(2, size)
        assert images.shape == (2, 3, *size) and images.isfinite().all() and not torch.equal(*images)
