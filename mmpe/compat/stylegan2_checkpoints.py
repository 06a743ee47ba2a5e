"""Released StyleGAN2 and MS-PIE checkpoints as mmpe's.

Shapes tell the model's config, but for one part, which has no weights: whether a sinusoidal encoding extends with the
size (MS-PIE's configs f and k) or is resized (e and j). That needs the config that it was trained with. Scales and
training are not in a checkpoint at all: a converted one is there to be sampled.
"""

from __future__ import annotations

from mmpe.errors import InputError, as_input_error
from mmpe.models.stylegan2 import StyleGAN2Model
from mmpe.registry import MODELS

from .adversarial_checkpoints import Networks, State, count, load_strictly
from .own import own_network
from .stylegan2 import WEIGHT, swap_colours, translate_discriminator, translate_generator

OWN_TYPES = dict(generator='StyleGenerator', discriminator='StyleDiscriminator')
MARK = f'conv1.conv{WEIGHT}'
WIDTH_AT_64 = 256  # channels for each unit of the channel multiplier, and half of it at twice the size


def convert_stylegan2(networks: Networks, settings: dict | None) -> tuple[StyleGAN2Model, dict]:
    """Build the model of a released StyleGAN2.

    Args:
        networks (Networks): Of the checkpoint. Where the generator or its running average is missing, the other serves
            as both.
        settings (dict | None): The config that it was trained with, released or mmpe's.

    Returns:
        tuple[StyleGAN2Model, dict]: In eval mode, with its config.

    Raises:
        InputError: If the weights do not fit each other or the config, or a config is needed.
    """
    with as_input_error('the checkpoint cannot be converted'):
        config = _configured(settings) if settings is not None else _inferred(networks)
        if not networks.discriminator:
            config.pop('discriminator', None)
        model = MODELS.build(config)
        load_strictly(model.generator, translate_generator(networks.generator))
        load_strictly(model.generator_ema, translate_generator(networks.average or networks.generator))
        if networks.discriminator:
            load_strictly(model.discriminator, translate_discriminator(networks.discriminator))
    return swap_colours(model).eval(), config


def _configured(settings) -> dict:
    trained_with = settings.get('model') or {}
    if not trained_with.get('generator'):
        raise InputError('the config has no model.generator')
    networks = {name: own_network(trained_with[name], own) for name, own in OWN_TYPES.items() if trained_with.get(name)}
    return dict(type='StyleGAN2Model', **networks)


def _inferred(networks: Networks) -> dict:
    config = dict(type='StyleGAN2Model', generator=_generator(networks.generator))
    if networks.discriminator:
        config['discriminator'] = _discriminator(networks.discriminator)
    return config


def _generator(state: State) -> dict:
    def shape(name):
        return state[name].shape

    blocks = count(state, 'to_rgbs.')
    _, channels, inputs, _, _ = shape(f'conv1.conv{WEIGHT}')
    unpadded = shape('injected_noise_1')[-1] > 2 * shape('injected_noise_0')[-1]
    if 'convs.0.conv.blur.kernel' in state:
        upsampling = 'TransposedConvBlur'
    else:
        upsampling = 'BilinearThenConv' if unpadded else 'ConvThenBilinear'
    return dict(
        type='StyleGenerator',
        out_size=4 << blocks,
        encoding=_encoding(state, inputs),
        upsampling=dict(type=upsampling),
        padding='none' if unpadded else 'zero',
        style_channels=shape(f'style_mapping.1.linear{WEIGHT}')[1],
        num_mapping_layers=count(state, 'style_mapping.'),
        channel_multiplier=_multiplier(4 << blocks, shape(f'to_rgbs.{blocks - 1}.conv{WEIGHT}')[2]),
        max_channels=channels,
    )


def _encoding(state: State, inputs: int) -> dict:
    constant = state.get('constant_input.input')
    if constant is not None:
        return dict(type='LearnableGrid', channels=inputs, size=tuple(constant.shape[-2:]))
    if inputs == 2:
        return dict(type='CartesianGrid')
    raise InputError(
        'weights do not tell whether its sinusoidal encoding extends (configs f and k) or is resized (e and j): '
        'give the config that it was trained with, --config'
    )


def _discriminator(state: State) -> dict:
    in_size = 2 << count(state, 'convs.')
    last = state[f'final_conv.0.conv{WEIGHT}'].shape[0]
    cells = state[f'final_linear.0.linear{WEIGHT}'].shape[1] // last
    return dict(
        type='StyleDiscriminator',
        in_size=in_size,
        channel_multiplier=_multiplier(in_size, state[f'convs.0.0.conv{WEIGHT}'].shape[0]),
        pool_size=None if cells == 16 else round(cells**0.5),
        max_channels=last,
    )


def _multiplier(size, width) -> int:
    """The channel multiplier of a network whose maps have ``width`` channels at ``size`` pixels."""
    return 2 if size < 64 else max(1, round(width * size / 64 / WIDTH_AT_64))
