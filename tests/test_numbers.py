"""Numbers that cannot be: refused in one line, whatever asks for them."""

import inspect
import math
import re

import numpy as np
import pytest
import torch
from torch import nn

from mmpe import registry
from mmpe.errors import InputError
from mmpe.numbers import as_size, check_above, check_finite, check_numbers, check_real, check_whole, size_text

BAD = (math.nan, -math.inf, -1e30, 1e308, 'abc', True, [])
NO_COUNTS = (1.5, 10**30, 2**63)


@pytest.mark.parametrize('number', [*BAD, *NO_COUNTS, None, 0, -1, (1, 2), np.float64(1.5), torch.tensor(math.nan)])
def test_what_is_no_count_is_refused_by_its_name_and_value(number):
    with pytest.raises(InputError, match='^num=.* cannot work: it must be ') as refusal:
        check_whole(1, num=number)
    assert '\n' not in str(refusal.value) and len(str(refusal.value)) < 160


@pytest.mark.parametrize('number', [1, 2**31 - 1, np.int64(7), torch.tensor(3)])
def test_counts_of_all_libraries_are_counts(number):
    check_whole(1, num=number)


@pytest.mark.parametrize('number', [0, 1, 0.5, np.float32(0.25), torch.tensor(1.0)])
def test_numbers_of_all_libraries_are_numbers(number):
    check_real(0, 1, share=number)


def test_ends_of_ranges():
    check_above(0, 1, share=1)
    for number in (0, 1.001, math.inf):
        with pytest.raises(InputError, match='above 0'):
            check_above(0, 1, share=number)


@pytest.mark.parametrize('pair', [(1,), (1, 2, 3), '12', 12, (1, math.nan), (1, 'a'), None])
def test_lists_of_another_length_or_with_a_bad_number(pair):
    with pytest.raises(InputError, match='^by'):
        check_numbers(check_real, 2, by=pair)


@pytest.mark.parametrize('size', [0, -1, 1.5, (4,), (4, 5, 6), (4, 0), '4x5', True, None, math.nan])
def test_what_is_no_size(size):
    with pytest.raises(InputError, match='base_size=.* must be a positive integer'):
        as_size(size, 'base_size')


def test_sizes_are_written_height_first():
    assert size_text((300, 500)) == '300x500' == size_text(torch.zeros(1, 3, 300, 500).shape[-2:])


@pytest.mark.parametrize(
    ('config', 'key'),
    [
        (dict(model=dict(generator=dict(scale=math.nan))), 'model.generator.scale=nan'),
        (dict(hooks=[dict(a=1), dict(ratios=((1, 1), (1, -math.inf)))]), r'hooks.1.ratios.1.1=-inf'),
        (dict(lr=np.float32('inf')), 'lr=inf'),
    ],
)
def test_a_config_is_searched_for_what_is_not_finite(config, key):
    with pytest.raises(InputError, match=f'^{key} cannot work'):
        check_finite(config)


# ---------------------------------------------------------------- every number of every registered class

SMALL_STYLE = dict(type='StyleGenerator', out_size=8, style_channels=4, num_mapping_layers=1, max_channels=2)
SMALL = dict(
    StyleGenerator=SMALL_STYLE,
    StyleGAN2Model=dict(generator=dict(SMALL_STYLE, encoding=dict(type='CartesianGrid'))),
    SinGANModel=dict(generator=dict(type='SinGANGenerator')),
    PGGANModel=dict(generator=dict(type='GrowingGenerator', out_size=4, base_channels=4, latent_channels=2)),
    GrowingGenerator=dict(out_size=4, base_channels=4, latent_channels=2),
    GrowingDiscriminator=dict(in_size=4, base_channels=4),
    StyleDiscriminator=dict(in_size=8, max_channels=2),
    ConvGenerator=dict(out_size=8, channels=4, latent_channels=2),
    ConvDiscriminator=dict(in_size=8, channels=2),
    ResizedEncoding=dict(encoding=dict(type='CartesianGrid')),
    SinGANMultiScaleGenerator=dict(in_channels=3, out_channels=3, num_scales=1),
    SinGANMultiScaleDiscriminator=dict(in_channels=3, num_scales=1),
    SinGANMSGeneratorPE=dict(in_channels=3, out_channels=3, num_scales=1),
    SinGANDataset=dict(data_root='skimage://coffee', min_size=25, max_size=30),
    SuperResolutionDataset=dict(data_root='skimage://coffee', min_size=25, max_size=30),
    PictureFolder=dict(data_root='skimage://lfw_subset'),
    FeatureMetrics=dict(
        network=dict(type='mmpe.LearnableGrid', channels=1), real=dict(type='DrawnFaces', num=1, size=8)
    ),
    SlicedWasserstein=dict(real=dict(type='DrawnFaces', num=1, size=8)),
)
SINGAN = dict(generator=dict(type='SinGANMultiScaleGenerator', in_channels=3, out_channels=3, num_scales=1))
RELEASED = dict(
    SinGAN=SINGAN,
    PESinGAN=SINGAN,
    DCGAN=dict(generator=dict(type='DCGANGenerator', output_scale=8, base_channels=4)),
    PGGAN=dict(generator=dict(type='PGGANGenerator', out_scale=4, noise_size=2, base_channels=4)),
    ProgressiveGrowingGAN=dict(generator=dict(type='PGGANGenerator', out_scale=4, noise_size=2, base_channels=4)),
    MSStyleGAN2Discriminator=dict(with_adaptive_pool=True),
    StyleGAN2=dict(generator=dict(type='StyleGANv2Generator', out_size=8, style_channels=4, num_mlps=1)),
)
REQUIRED = dict(
    **dict(in_channels=4, out_channels=4, channels=4, latent_channels=4, grid=(4, 4), kernel_size=3, num_layers=5),
    **dict(embedding_dim=4, padding_idx=0, num_features=4, output_scale=8, input_scale=8, in_scale=4, in_size=8),
    **dict(out_size=8, num=4, size=8, sizes=[8], batch_size=2, batch_sizes={4: 2}, dataset=[0]),
    linear=lambda inputs, outputs: nn.Conv2d(inputs, outputs, 1),
)
UNCHECKED = {
    ('SPE', 'init_size'): 'the size of a table that mmpe does not have',
    ('SPE2d', 'init_size'): 'as SPE',
    ('SPE', 'center_shift'): 'without effect, as released',
    ('SPE2d', 'center_shift'): 'as SPE',
}
KINDS = ('MODELS', 'DATASETS', 'DATA_SAMPLERS', 'METRICS', 'HOOKS', 'LOG_PROCESSORS')


def numbers_of_registered_classes():
    """(registry, class, argument) of every argument that is annotated as a number, whoever adds one."""
    for kind in KINDS:
        classes = getattr(registry, kind)
        classes.import_from_location()
        for name, cls in sorted(classes.module_dict.items()):
            for argument in inspect.signature(cls).parameters.values():
                if re.search(r'\b(int|float)\b', str(argument.annotation)):
                    yield kind, name, argument.name


def build(kind, name, argument, value):
    classes = getattr(registry, kind)
    needed = inspect.signature(classes.module_dict[name]).parameters
    settings = {
        key: given for key, given in REQUIRED.items() if key in needed and needed[key].default is inspect._empty
    }
    if 'sampler' in needed:
        settings['sampler'] = registry.DATA_SAMPLERS.build(dict(type='ResumableSampler', dataset=[0]))
    settings |= SMALL.get(name, {}) | RELEASED.get(name, {}) | {'type': name, argument: value}
    return classes.build(settings)


@pytest.mark.parametrize(('kind', 'name', 'argument'), numbers_of_registered_classes())
def test_every_number_of_every_class_is_checked(kind, name, argument):
    if (name, argument) in UNCHECKED:
        pytest.skip(UNCHECKED[name, argument])
    for value in (math.nan, -1e30, 'abc'):
        with pytest.raises(ValueError) as refusal:
            build(kind, name, argument, value)
        assert '\n' not in str(refusal.value)
