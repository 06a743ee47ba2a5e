"""Released SinGANs: their configs, their state dicts, and their checkpoints made into mmpe's."""

import codecs
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from PIL import Image
from stand_in_weights import noise, state_dict

from mmpe.apis import load
from mmpe.cli.convert import main as convert_tool
from mmpe.compat.checkpoints import convert
from mmpe.compat.plain_pickle import read_pickle
from mmpe.datasets import read_picture, resize
from mmpe.errors import InputError
from mmpe.models.singan import SinGANGenerator, SinGANModel
from mmpe.registry import DATASETS, MODELS, OPTIM_WRAPPER_CONSTRUCTORS

TOOL = Path(__file__).resolve().parents[1] / 'tools' / 'convert_checkpoint.py'
SHAPES = json.loads((Path(__file__).parent / 'data' / 'singan_state_dicts.json').read_text())
BGR = [2, 1, 0]

PLAIN = dict(type='SinGANMultiScaleGenerator', in_channels=3, out_channels=3)
PE = dict(PLAIN, type='SinGANMSGeneratorPE')
IN_LAYERS = dict(PE, padding=1, pad_at_head=False)
SPE = dict(type='SPE', embedding_dim=4, padding_idx=0, init_size=512, div_half_dim=False, center_shift=200)
GENERATORS = dict(
    singan=PLAIN,
    csg=dict(IN_LAYERS, first_stage_in_channels=2, positional_encoding=dict(type='CSG')),
    spe4=dict(IN_LAYERS, first_stage_in_channels=8, positional_encoding=SPE),
    interp=dict(PE, interp_pad=True, noise_with_pad=True),
)
DISCRIMINATORS = dict(
    bn=dict(type='SinGANMultiScaleDiscriminator', in_channels=3),
    nobn=dict(type='SinGANMultiScaleDiscriminator', in_channels=3, norm_cfg=None),
)
# What the released configs say beside the networks: singan, csg, spe-dim4_fish (which forgets the noise's channels) ...
EXTRAS = dict(
    singan=dict(type='SinGAN'),
    csg=dict(type='PESinGAN', first_fixed_noises_ch=2),
    spe4=dict(type='PESinGAN'),
    interp=dict(type='PESinGAN', fixed_noise_with_pad=True),
)


def model_dict(name='csg', num_scales=5, discriminator='bn', **changes):
    """A released config's ``model``, as mmagic has it."""
    return (
        dict(
            EXTRAS[name],
            data_preprocessor=dict(type='DataPreprocessor', non_image_keys=['input_sample']),
            generator=dict(GENERATORS[name], num_scales=num_scales),
            discriminator=dict(DISCRIMINATORS[discriminator], num_scales=num_scales),
            noise_weight_init=0.1,
            test_pkl_data=None,
            lr_scheduler_args=dict(milestones=[1600], gamma=0.1),
            generator_steps=3,
            discriminator_steps=3,
            iters_per_scale=2000,
            num_scales=num_scales,
        )
        | changes
    )


def released_state(name='csg', discriminator='bn'):
    """A released checkpoint's state dict, as both mmgeneration and mmagic have it."""
    networks = dict(generator=f'generator-{name}', discriminator=f'discriminator-{discriminator}')
    return {
        f'{network}.{key}': value
        for network, module in networks.items()
        for key, value in state_dict(SHAPES[f'singan-{module}'], f'{network}.{name}', gain=0.05).items()
    }


# -------------------------------------------------------------------- names and arguments


@pytest.mark.parametrize('name', GENERATORS)
def test_released_generator_loads_a_released_state_dict(name):
    generator = MODELS.build(dict(GENERATORS[name], num_scales=5))
    state = state_dict(SHAPES[f'singan-generator-{name}'], name)
    before = dict(state)
    generator.load_state_dict(state)
    assert state.keys() == before.keys()
    for key, value in generator.state_dict().items():
        assert torch.equal(value, state[key])


@pytest.mark.parametrize('name', DISCRIMINATORS)
def test_released_discriminator_loads_a_released_state_dict(name):
    discriminator = MODELS.build(dict(DISCRIMINATORS[name], num_scales=5))
    discriminator.load_state_dict(state_dict(SHAPES[f'singan-discriminator-{name}'], name))


@pytest.mark.parametrize('discriminator', DISCRIMINATORS)
@pytest.mark.parametrize('name', GENERATORS)
def test_released_model_loads_a_released_state_dict(name, discriminator):
    model = MODELS.build(model_dict(name, discriminator=discriminator))
    state = released_state(name, discriminator)
    model.load_state_dict(state)
    assert torch.equal(model.generator.blocks[5].tail.conv.weight, state['generator.blocks.5.tail.conv.weight'])
    state.pop('discriminator.blocks.2.tail.conv.bias')
    with pytest.raises(RuntimeError, match=r'Missing key.*discriminator.blocks.2.tail.conv.bias'):
        model.load_state_dict(state)


def test_model_arguments_reach_the_training_rule():
    model = MODELS.build(model_dict(iters_per_scale=7, generator_steps=2, noise_weight_init=0.3))
    assert (model.iters_per_scale, model.generator_steps, model.discriminator_steps) == (7, 2, 3)
    assert (model.noise_weight, model.lr_milestones, model.lr_gamma) == (0.3, (1600,), 0.1)
    assert MODELS.build(model_dict(lr_scheduler_args=None)).lr_milestones == ()


@pytest.mark.parametrize('name, channels', [('singan', (1, 3)), ('csg', (2, 1)), ('spe4', (1, 1)), ('interp', (1, 1))])
def test_noise_has_the_released_shape(name, channels):
    generator = MODELS.build(model_dict(name)).generator
    margin = 10 if name == 'interp' else 0
    assert [generator.noise_shape(scale, (20, 30)) for scale in (0, 1)] == [
        (c, 20 + margin, 30 + margin) for c in channels
    ]


@pytest.mark.parametrize(
    'arguments, padding',
    [
        (dict(), dict(type='PadInputOnce', mode='zero')),
        (dict(padding_mode='reflect'), dict(type='PadInputOnce', mode='reflect')),
        (dict(interp_pad=True), dict(type='PadInputOnce', mode=dict(type='interp', mode='bicubic'))),
        (dict(noise_with_pad=True), dict(type='OversizedNoise', mode='zero')),
        (dict(interp_pad=True, noise_with_pad=True), dict(type='OversizedNoise')),
        (dict(padding=1, pad_at_head=False), dict(type='PadEachLayer')),
        (dict(padding=1, pad_at_head=False, padding_mode='reflect'), dict(type='PadEachLayer', mode='reflect')),
    ],
)
def test_padding_arguments_are_parts_of_padding(arguments, padding):
    released = MODELS.build(dict(PE, num_scales=1, **arguments)).eval()
    ours = SinGANGenerator(2, noise_channels=1, padding=padding).eval()
    ours.load_state_dict(released.state_dict())
    noises = [torch.randn(1, *ours.noise_shape(scale, size)) for scale, size in enumerate([(9, 12), (11, 15)])]
    image = released(noises, [1, 0.1])
    assert image.shape == (1, 3, 11, 15)
    assert torch.equal(image, ours(noises, [1, 0.1]))


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(generator=dict(PE, pad_at_head=False)), 'padding=0 cannot work with pad_at_head=False'),
        (dict(generator=dict(PE, padding=1)), 'padding=1 cannot work with pad_at_head=True'),
        (dict(generator=dict(IN_LAYERS, noise_with_pad=True)), 'noise_with_pad=True cannot work'),
        (dict(generator=dict(PE, padding_mode='circular')), "padding_mode='circular'"),
        (dict(generator=dict(PE, first_stage_in_channels=2)), 'first_stage_in_channels=2'),
        (dict(generator=dict(IN_LAYERS, positional_encoding=SPE)), 'first_stage_in_channels=None'),
        (dict(generator=dict(PE, interp_pad=True, noise_with_pad=True)), 'fixed_noise_with_pad=False'),
        (dict(generator=PE, fixed_noise_with_pad=True), 'fixed_noise_with_pad=True'),
        (dict(generator=dict(PLAIN, padding=1)), 'padding=1'),
        (dict(generator=dict(PLAIN, in_channels=1)), 'in_channels=1'),
        (dict(generator=dict(PLAIN, min_feat_channels=16)), 'min_feat_channels=16'),
        (dict(generator=dict(PLAIN, out_act_cfg=None)), 'out_act_cfg=None'),
        (dict(generator=dict(PLAIN, kernel_size=4)), 'kernel_size=4'),
        (dict(generator=dict(PLAIN, stride=2)), 'stride=2'),
        (dict(generator=dict(PLAIN, with_spectral_norm=True)), 'with_spectral_norm=True'),
        (dict(discriminator=dict(DISCRIMINATORS['bn'], act_cfg=None)), 'act_cfg=None'),
        (dict(num_scales=4), 'model 4'),
        (dict(discriminator=dict(DISCRIMINATORS['bn'], num_scales=3)), 'discriminator 3'),
        (dict(test_pkl_data='noises.pkl'), "test_pkl_data='noises.pkl'.*mmpe convert"),
        (dict(ema_confg=dict(type='ExponentialMovingAverage')), 'ema_confg='),
        (dict(lr_scheduler_args=dict(milestones=[1], last_epoch=3)), 'last_epoch=3'),
        (dict(data_preprocessor=dict(type='DataPreprocessor', mean=None)), 'mean=None'),
        (dict(data_preprocessor=dict(type='DataPreprocessor', std=[58, 57, 57])), r'std=\[58, 57, 57\]'),
        (dict(data_preprocessor=dict(type='DataPreprocessor', output_channel_order='BGR')), "'BGR'"),
        (dict(data_preprocessor=dict(type='DataPreprocessor', pad_size_divisor=32)), 'pad_size_divisor=32'),
        (dict(data_preprocessor=dict(type='DataPreprocessor', color=1)), 'color=1'),
    ],
)
def test_what_cannot_be_honoured_is_named(changes, message):
    config = model_dict('csg', 5)
    if 'generator' in changes:
        changes = dict(changes, generator=dict(num_scales=5, **changes['generator']), first_fixed_noises_ch=1)
    with pytest.raises(InputError, match=message):
        MODELS.build(config | changes)


def test_scales_may_be_left_out():
    config = model_dict('spe4', num_scales=None)
    model = MODELS.build(config)
    model.set_pyramid([(9, 12), (12, 16)])
    assert len(model.generator.blocks) == len(model.discriminator.blocks) == 2


def test_one_channel_of_first_noise_is_spread_over_an_encoding_of_eight():
    """Fault 6.10: the released SPE config for fish forgets ``first_fixed_noises_ch``, and its weights know no other."""
    generator = MODELS.build(model_dict('spe4')).generator.eval()
    generator.load_state_dict(state_dict(SHAPES['singan-generator-spe4'], 'spe4', gain=0.05))
    one = noise('first', (1, 1, 9, 12))
    assert generator.noise_shape(0, (9, 12)) == (1, 9, 12)
    assert torch.equal(generator([one], [1]), generator([one.repeat(1, 8, 1, 1)], [1]))
    own = MODELS.build(dict(type='SinGANGenerator', encoding=dict(type='SinusoidalEncoding', embedding_dim=4)))
    assert own.noise_shape(0, (9, 12)) == (8, 9, 12)


def test_preprocessor_stacks_what_mmengines_collate_lists():
    preprocessor = MODELS.build(dict(type='DataPreprocessor', non_image_keys=['input_sample']))
    image = torch.randn(3, 4, 5)
    out = preprocessor(dict(inputs=dict(real_scale0=[image], size=[4, 5]), data_samples=[]), True)
    assert torch.equal(out['inputs']['real_scale0'], image[None])
    assert out['inputs']['size'] == [4, 5]


# -------------------------------------------------------------------- data


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / 'picture.png'
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((80, 60)).save(path)
    return str(path)


def test_dataset_takes_released_arguments(picture):
    sizes = dict(min_size=10, max_size=30, scale_factor_init=0.75)
    pipeline = [dict(type='PackInputs', keys=['real_scale0', 'input_sample'])]
    released = DATASETS.build(dict(type='SinGANDataset', img_path=picture, pipeline=pipeline, num_samples=3, **sizes))
    own = DATASETS.build(dict(type='SinGANDataset', data_root=picture, **sizes))
    assert (len(released), len(own)) == (3, 1)
    assert released[2]['inputs'].keys() == own[0]['inputs'].keys()
    with pytest.raises(IndexError):
        released[3]


def test_max_size_is_the_size_of_the_finest_scale(picture):
    """Fault 6.3: the released pyramid is built from the picture in full size, whatever ``max_size``."""
    dataset = DATASETS.build(
        dict(type='SinGANDataset', data_root=picture, min_size=10, max_size=40, scale_factor_init=0.75, pipeline=[])
    )
    shapes = [tuple(real.shape[-2:]) for real in dataset[0]['inputs'].values()]
    assert (shapes[0], shapes[-1]) == ((10, 13), (30, 40))


@pytest.mark.parametrize(
    'arguments, message',
    [
        (dict(data_root='a.png', img_path='b.png'), 'give the picture once'),
        (dict(), 'data_root must be the path of a picture'),
        (dict(data_root='a.png', pipeline=[dict(type='Flip')]), 'Flip'),
    ],
)
def test_dataset_names_what_is_wrong(arguments, message):
    with pytest.raises(InputError, match=message):
        DATASETS.build(dict(type='SinGANDataset', **arguments))


# -------------------------------------------------------------------- training


def test_released_config_trains_saves_and_samples(tmp_path, picture):
    optimizer = dict(optimizer=dict(type='Adam', lr=0.0005, betas=(0.5, 0.999)))
    config = dict(
        model=model_dict('csg', num_scales=2, iters_per_scale=2),
        work_dir=str(tmp_path),
        train_dataloader=dict(
            batch_size=1,
            num_workers=0,
            dataset=dict(
                type='SinGANDataset',
                data_root=picture,
                min_size=18,
                max_size=30,
                scale_factor_init=0.75,
                pipeline=[dict(type='PackInputs', keys=['real_scale0', 'real_scale1', 'input_sample'])],
            ),
            sampler=None,
            persistent_workers=False,
        ),
        optim_wrapper=dict(constructor='SinGANOptimWrapperConstructor', generator=optimizer, discriminator=optimizer),
        # where a released config names its own loop and hooks
        train_cfg=dict(type='PyramidTrainLoop'),
        default_hooks=dict(checkpoint=dict(type='CompleteCheckpointHook'), param_scheduler=None),
        default_scope='mmpe',
        log_level='ERROR',
    )
    with DefaultScope.overwrite_default_scope('mmpe'):
        trained = Runner.from_cfg(Config(config)).train()
    model = load(tmp_path / 'iter_6.pth')
    assert model.trained_scales == model.num_scales == 3
    assert torch.equal(model.sample(seed=1), trained.eval().sample(seed=1))
    assert model.sample(2, (40, 30)).shape == (2, 3, 40, 30)


def test_released_optimiser_constructor_is_ours():
    config = dict(generator=dict(optimizer=dict(type='Adam', lr=0.1)))
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.build(dict(type='SinGANOptimWrapperConstructor', optim_wrapper_cfg=config))
    assert constructor(MODELS.build(model_dict()))['generator'].get_lr() == {'lr': [0.1]}


# -------------------------------------------------------------------- conversion

SIZES = [(13, 17), (16, 21), (20, 26)]
WEIGHTS = [1, 0.1, 0.09]
WIDTH = 8
RECIPES = dict(  # noise channels at scale 0 and above, and the padding that the first block's inputs go with
    singan=((1, 3), 'PadInputOnce', None),
    csg=((2, 1), 'PadEachLayer', 'CartesianGrid'),
    spe4=((1, 1), 'PadEachLayer', 'SinusoidalEncoding'),
    interp=((1, 1), 'OversizedNoise', None),
)


def small(network):
    return dict(network, num_scales=len(SIZES) - 1, base_channels=WIDTH, min_feat_channels=WIDTH)


class Pair:
    """A made-up released SinGAN: a .pth, the pickle beside it, and the networks that made them."""

    def __init__(self, folder, generator, channels, discriminator='bn', margin=0, trained=3):
        self.folder = folder
        self.generator = MODELS.build(small(generator)).eval()
        self.discriminator = MODELS.build(small(DISCRIMINATORS[discriminator])).eval()
        self.state = {}
        for name in ('generator', 'discriminator'):
            network = getattr(self, name)
            shapes = {key: value.shape for key, value in network.state_dict().items()}
            network.load_state_dict(state_dict(shapes, name, gain=0.2))
            self.state |= {f'{name}.{key}': value for key, value in network.state_dict().items()}
        if generator.get('positional_encoding', {}).get('type') == 'SPE':
            self.state['generator.head_position_encode._float_tensor'] = torch.zeros(1)
        first, above = channels
        self.noises = [
            np.zeros((1, above, h + margin, w + margin), np.float32)
            if i
            else noise('first', (1, first, h + margin, w + margin)).numpy()
            for i, (h, w) in enumerate(SIZES)
        ]
        self.trained = trained
        self.content = dict(noise_weights=WEIGHTS[:trained], fixed_noises=self.noises, curr_stage=trained - 1)
        self.write()

    def write(self, protocol=pickle.DEFAULT_PROTOCOL):
        meta = dict(mmgen_version='0.1.0', config="model = dict(type='SinGAN')", time='Tue Apr  6 19:10:47 2021')
        self.pth, self.pkl = self.folder / 'released.pth', self.folder / 'released.pkl'
        torch.save(dict(meta=meta, state_dict=self.state, optimizer={}), self.pth)
        self.pkl.write_bytes(pickle.dumps(self.content, protocol))
        return self

    def convert(self, **arguments):
        out = self.folder / 'out' / 'converted.pth'
        returned = convert(self.pth, out, arguments.pop('pickled', self.pkl), **arguments)
        loaded = load(out)
        for key, value in returned.state_dict().items():
            assert torch.equal(loaded.state_dict()[key], value)
        return loaded

    def reconstruct(self):
        """What the released generator makes of the pickle's noises, in RGB."""
        noises = [torch.from_numpy(noise) for noise in self.noises[: self.trained]]
        with torch.no_grad():
            return self.generator(noises, WEIGHTS)[:, BGR]


def make_pair(folder, name='csg', **arguments):
    return Pair(folder, GENERATORS[name], RECIPES[name][0], margin=10 if name == 'interp' else 0, **arguments)


def assert_near(actual, expected, rtol=3e-5):
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max() < rtol * expected.std()


@pytest.mark.parametrize('discriminator', DISCRIMINATORS)
@pytest.mark.parametrize('name', RECIPES)
def test_converted_checkpoint_is_the_released_one(tmp_path, name, discriminator):
    pair = make_pair(tmp_path, name, discriminator=discriminator)
    model = pair.convert()
    channels, padding, encoding = RECIPES[name]
    assert type(model) is SinGANModel and type(model.generator) is SinGANGenerator
    assert type(model.generator.padding).__name__ == padding
    assert (type(model.generator.encoding).__name__ if encoding else None) == encoding
    assert [model.generator.noise_shape(scale, (5, 5))[0] for scale in (0, 1)] == list(channels)
    assert [tuple(size) for size in model.sizes.tolist()] == SIZES
    assert (int(model.stage), int(model.step)) == (3, 0)
    assert_near(model.noise_weights, torch.tensor(WEIGHTS))
    assert_near(model.reconstruct(), pair.reconstruct())
    assert_near(model.picture, pair.reconstruct().clamp(-1, 1))
    image = noise('image', (1, 3, *SIZES[2]))
    assert_near(model.discriminator(image, 2), pair.discriminator(image[:, BGR], 2))
    assert model.sample(2, (30, 40)).shape == (2, 3, 30, 40)


def test_config_tells_what_weights_cannot(tmp_path):
    """The paper's form of SPE: no weight says that nothing is padded, or how frequencies are spaced."""
    generator = dict(
        PE,
        interp_pad=True,
        noise_with_pad=True,
        first_stage_in_channels=8,
        positional_encoding=dict(SPE, div_half_dim=True),
    )
    pair = Pair(tmp_path, generator, (8, 1), margin=10)
    config = tmp_path / 'config.py'
    config.write_text(f'model = dict(type="PESinGAN", generator={small(generator)}, test_pkl_data={str(pair.pkl)!r})')
    model = pair.convert(config=config, pickled=None)
    assert type(model.generator) is SinGANGenerator
    assert type(model.generator.encoding).__name__ == 'SinusoidalEncoding'
    assert_near(model.reconstruct(), pair.reconstruct())

    own = 'encoding=dict(type="SinusoidalEncoding", embedding_dim=4, div_half_dim=True), '
    own += 'padding=dict(type="OversizedNoise")'
    config.write_text(f'model = dict(generator=dict(type="SinGANGenerator", base_channels={WIDTH}, {own}))')
    assert_near(pair.convert(config=config).reconstruct(), pair.reconstruct())


def test_config_of_other_networks_is_refused(tmp_path):
    pair = make_pair(tmp_path)
    config = tmp_path / 'config.py'
    config.write_text(f'model = dict(generator={dict(GENERATORS["csg"], num_scales=2)})')
    with pytest.raises(InputError, match='the weights do not fit the noises or the config'):
        pair.convert(config=config)
    config.write_text('data = 1')
    with pytest.raises(InputError, match='the config has no model.generator'):
        pair.convert(config=config)


def test_unfinished_pyramid_is_converted_as_far_as_it_goes(tmp_path):
    pair = make_pair(tmp_path, trained=2)
    model = pair.convert()
    assert model.trained_scales == 2
    assert_near(model.reconstruct(), pair.reconstruct())
    assert model.picture.shape[-2:] == SIZES[2]


def test_scale_without_noise_is_left_out(tmp_path):
    """mmagic's configs give the networks one scale more than the data."""
    pair = make_pair(tmp_path, trained=2)
    pair.content['fixed_noises'] = pair.noises[:2]
    model = pair.write().convert()
    assert model.num_scales == len(model.generator.blocks) == len(model.discriminator.blocks) == 2
    assert_near(model.reconstruct(), pair.reconstruct())


def test_checkpoint_of_a_generator_alone(tmp_path):
    pair = make_pair(tmp_path)
    pair.state = {key: value for key, value in pair.state.items() if key.startswith('generator.')}
    model = pair.write().convert()
    assert model.discriminator is None
    assert_near(model.reconstruct(), pair.reconstruct())


def test_checkpoint_with_mmagics_training_state(tmp_path):
    pair = make_pair(tmp_path)
    hub = MessageHub.get_instance('released')
    hub.update_scalar('train/loss', 0.5)
    hub.update_info('iter', 5)
    extras = dict(meta=dict(iter=5, cfg='', seed=1), message_hub=hub.state_dict(), param_schedulers=[])
    optimizer = torch.optim.Adam(pair.generator.blocks[0].parameters()).state_dict()
    torch.save(dict(state_dict=pair.state, optimizer=dict(generator_0=optimizer), **extras), pair.pth)
    assert_near(pair.convert().reconstruct(), pair.reconstruct())


def test_picture_is_kept(tmp_path, picture):
    model = make_pair(tmp_path).convert(picture=picture)
    assert torch.equal(model.picture, resize(read_picture(picture), SIZES[2]))
    wide = tmp_path / 'wide.png'
    Image.new('RGB', (90, 60)).save(wide)
    with pytest.raises(InputError, match='is not the picture that this was trained on: 60x90'):
        make_pair(tmp_path).convert(picture=str(wide))


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(curr_stage=3), '4 trained scales'),
        (dict(curr_stage=-1), '0 trained scales'),
        (dict(noise_weights=[1]), '1 noise weights'),
        (dict(fixed_noises=[np.zeros(3)] * 3), r'noises of \[\(3,\)'),
        (dict(fixed_noises=[np.ones((1, 2, 9, 9))] * 3), 'fixed noise above scale 0'),
        (dict(fixed_noises=[np.zeros((1, 2, 9, 9))] * 9, curr_stage=0), '3 scales and the pickle 9'),
        (dict(fixed_noises=[np.zeros((1, c, 9, 9)) for c in (5, 1, 1)]), 'first_channels=5'),
        (dict(fixed_noises='none'), 'is not the pickle of a released SinGAN'),
    ],
)
def test_pickle_that_does_not_fit_is_refused(tmp_path, changes, message):
    pair = make_pair(tmp_path)
    pair.content.update(changes)
    with pytest.raises(InputError, match=message):
        pair.write().convert()


def test_recipe_that_cannot_be_told_asks_for_its_config(tmp_path):
    pair = make_pair(tmp_path, 'singan')
    pair.content['fixed_noises'] = [pair.noises[0], *(noise[:, :2] for noise in pair.noises[1:])]
    with pytest.raises(
        InputError, match=r'no released recipe without an encoding has \[2\] noise channels .* --config'
    ):
        pair.write().convert()
    pair.state['generator.blocks.0.head.conv.weight'] = torch.zeros(WIDTH, 5, 3, 3)
    with pytest.raises(InputError, match='no released encoding has 5 channels.* --config'):
        pair.write().convert()


@pytest.mark.parametrize(
    'weights, noises, message',
    [('csg', 'singan', r'recipe with CartesianGrid has \[3\]'), ('singan', 'csg', 'first_channels=2 does not fit')],
)
def test_files_of_two_models_are_refused(tmp_path, weights, noises, message):
    pair, other = make_pair(tmp_path, weights), make_pair(tmp_path, noises)
    other.state = pair.state
    with pytest.raises(InputError, match=message):
        other.write().convert()


def test_other_checkpoints_are_refused(tmp_path):
    pair = make_pair(tmp_path)
    pair.convert()
    with pytest.raises(InputError, match='is an mmpe checkpoint already'):
        convert(tmp_path / 'out' / 'converted.pth', tmp_path / 'again.pth', pair.pkl)
    with pytest.raises(InputError, match='write to another file'):
        convert(pair.pth, pair.pth, pair.pkl)
    with pytest.raises(InputError, match='give the pickle'):
        convert(pair.pth, tmp_path / 'again.pth')
    torch.save(dict(state_dict=dict(weight=torch.zeros(1))), pair.pth)
    with pytest.raises(InputError, match='is no released SinGAN'):
        pair.convert()


# -------------------------------------------------------------------- pickles


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and np.array_equal(a, b) and np.asarray(a).dtype == np.asarray(b).dtype


PLAIN_DATA = dict(
    fixed_noises=[np.arange(6, dtype='f4').reshape(1, 2, 3), np.zeros((2, 3))[:, ::2]],
    noise_weights=[1, 0.5, np.float64(0.1), np.float32(0.2)],
    curr_stage=2,
    names=('a', b'b', None, True),
)


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_is_read(tmp_path, protocol):
    path = tmp_path / 'plain.pkl'
    path.write_bytes(pickle.dumps(PLAIN_DATA, protocol))
    assert same(read_pickle(path), PLAIN_DATA)


@pytest.mark.parametrize('numpy', [b'numpy.core', b'numpy._core'])
def test_plain_data_of_numpy_1_and_2_is_read(tmp_path, numpy):
    path = tmp_path / 'plain.pkl'
    data = pickle.dumps(PLAIN_DATA, 3)  # names end with a line here, so that they can be replaced by longer ones
    path.write_bytes(data.replace(b'numpy._core', b'numpy.core').replace(b'numpy.core', numpy))
    assert same(read_pickle(path), PLAIN_DATA)


class Runs:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize('protocol', [2, 4])
@pytest.mark.parametrize('function', [os.system, eval, getattr, np.load, torch.load, subprocess.Popen])
def test_hostile_pickle_is_refused_and_not_run(tmp_path, protocol, function):
    target = tmp_path / 'ran'
    pair = make_pair(tmp_path)
    pair.content['curr_stage'] = Runs(function, f'touch {target}')
    with pytest.raises(InputError, match='which is no plain data'):
        pair.write(protocol).convert()
    assert not target.exists()


@pytest.mark.parametrize(
    'content, message',
    [
        (np.array([Runs(os.system, 'true')], dtype=object), 'system, which is no plain data'),
        (Runs(np.float64(0).__reduce__()[0], os.system), 'system, which is no plain data'),
        (Runs(codecs.encode, 'text', 'rot13'), "it encodes as 'rot13'"),
        (Runs(np.ndarray, (10**12,)), 'allocate'),
    ],
)
def test_hostile_use_of_plain_types_is_refused(tmp_path, content, message):
    path = tmp_path / 'hostile.pkl'
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match=message):
        read_pickle(path)


# -------------------------------------------------------------------- the tool


def run_tool(*arguments):
    return subprocess.run([sys.executable, TOOL, *map(str, arguments)], capture_output=True, text=True)


def test_tool_converts(tmp_path):
    pair = make_pair(tmp_path, 'interp')
    done = run_tool(pair.pth, '--pickle', pair.pkl, '--out', tmp_path / 'new' / 'converted.pth')
    assert done.returncode == 0, done.stderr
    assert '3 of 3 scales, 13x17 to 20x26' in done.stdout
    assert 'OversizedNoise' in done.stdout and 'the reconstruction stands in' in done.stdout
    assert_near(load(tmp_path / 'new' / 'converted.pth').reconstruct(), pair.reconstruct())


@pytest.fixture
def tool(monkeypatch, capsys):
    """The tool's main, run in this process; gives the exit code and what it wrote to stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            convert_tool()
        return exit_.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize('broken', ['pth', 'pkl', 'picture', 'config'])
@pytest.mark.parametrize('how', ['missing', 'truncated', 'empty'])
def test_tool_names_a_bad_file_in_one_line(tmp_path, picture, tool, broken, how):
    pair = make_pair(tmp_path)
    config = tmp_path / 'config.py'
    config.write_text(f'model = dict(generator={small(GENERATORS["csg"])})')
    files = dict(pth=pair.pth, pkl=pair.pkl, picture=Path(picture), config=config)
    path = files[broken]
    data = path.read_bytes()
    path.unlink()
    if how != 'missing':
        path.write_bytes(data[: len(data) // 2] if how == 'truncated' else b'')
    out = tmp_path / 'converted.pth'
    code, error = tool(pair.pth, '--pickle', pair.pkl, '--picture', picture, '--config', config, '--out', out)
    assert code == 2
    assert error.startswith('error: ') and error.count('\n') == 1 and error.endswith('\n')
    assert not out.exists()
