"""Released StyleGAN2 and MS-PIE checkpoints as mmpe's.

They hold ``generator.``, its running average, ``generator_ema.`` (mmagic 1.x: ``generator_ema.module.``), and
``discriminator.``. Their shapes tell the model's config, but for one part, which has no weights: whether a sinusoidal
encoding extends with the size (MS-PIE's configs f and k) or is resized (e and j). That needs the config that it was
trained with. Scales and training are not in a checkpoint at all: a converted one is there to be sampled.

The released code reads pictures as BGR. Conversion swaps the channels of what sees or makes an image, which gives the
same pictures in RGB.
"""

from __future__ import annotations

import textwrap

from torch import Tensor

from mmpe.apis import one_clear_line
from mmpe.errors import InputError
from mmpe.models.stylegan2 import StyleGAN2Model
from mmpe.registry import MODELS

from .own import own_network
from .stylegan2 import WEIGHT, swap_colours, translate_discriminator, translate_generator

OWN_TYPES = dict(generator='StyleGenerator', discriminator='StyleDiscriminator')
AVERAGES = ('generator_ema.module.', 'generator_ema.')
WIDTH_AT_64 = 256  # channels for each unit of the channel multiplier, and half of it at twice the size


def is_stylegan2(state: dict[str, Tensor]) -> bool:
    """Whether a released state dict is that of a StyleGAN2, or of its averaged generator alone."""
    return _prefix(state, ('generator.', *AVERAGES)) is not None


def convert_stylegan2(state: dict[str, Tensor], settings: dict | None) -> tuple[StyleGAN2Model, dict]:
    """Build the model of a released StyleGAN2.

    Args:
        state (dict[str, Tensor]): The released state dict. Where the generator or its running average is missing,
            the other serves as both.
        settings (dict | None): The config that it was trained with, released or mmpe's.

    Returns:
        tuple[StyleGAN2Model, dict]: In eval mode, with its config.

    Raises:
        InputError: If the weights do not fit each other or the config, or a config is needed.
    """
    average = _prefix(state, AVERAGES)
    generator = _prefix(state, ('generator.',)) or average
    average = average or generator
    has_critic = any(name.startswith('discriminator.') for name in state)
    with one_clear_line('the checkpoint cannot be converted'):
        config = _configured(settings) if settings is not None else _inferred(state, generator)
        if not has_critic:
            config.pop('discriminator', None)
        model = MODELS.build(config)
        _load(model.generator, translate_generator(state, generator))
        _load(model.generator_ema, translate_generator(state, average))
        if has_critic:
            _load(model.discriminator, translate_discriminator(state, 'discriminator.'))
    return swap_colours(model).eval(), config


def _prefix(state, prefixes) -> str | None:
    return next((prefix for prefix in prefixes if f'{prefix}conv1.conv{WEIGHT}' in state), None)


def _load(network, state) -> None:
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(f'the weights do not fit the config: {textwrap.shorten(str(error), 400)}') from error


def _configured(settings) -> dict:
    trained_with = settings.get('model') or {}
    if not trained_with.get('generator'):
        raise InputError('the config has no model.generator')
    networks = {name: own_network(trained_with[name], own) for name, own in OWN_TYPES.items() if trained_with.get(name)}
    return dict(type='StyleGAN2Model', **networks)


def _inferred(state, prefix) -> dict:
    config = dict(type='StyleGAN2Model', generator=_generator(state, prefix))
    if f'discriminator.convs.0.0.conv{WEIGHT}' in state:
        config['discriminator'] = _discriminator(state, 'discriminator.')
    return config


def _generator(state, prefix) -> dict:
    def shape(name):
        return state[f'{prefix}{name}'].shape

    blocks = _count(state, f'{prefix}to_rgbs.')
    _, channels, inputs, _, _ = shape(f'conv1.conv{WEIGHT}')
    unpadded = shape('injected_noise_1')[-1] > 2 * shape('injected_noise_0')[-1]
    if f'{prefix}convs.0.conv.blur.kernel' in state:
        upsampling = 'TransposedConvBlur'
    else:
        upsampling = 'BilinearThenConv' if unpadded else 'ConvThenBilinear'
    return dict(
        type='StyleGenerator',
        out_size=4 << blocks,
        encoding=_encoding(state, prefix, inputs),
        upsampling=dict(type=upsampling),
        padding='none' if unpadded else 'zero',
        style_channels=shape(f'style_mapping.1.linear{WEIGHT}')[1],
        num_mapping_layers=_count(state, f'{prefix}style_mapping.'),
        channel_multiplier=_multiplier(4 << blocks, shape(f'to_rgbs.{blocks - 1}.conv{WEIGHT}')[2]),
        max_channels=channels,
    )


def _encoding(state, prefix, inputs) -> dict:
    constant = state.get(f'{prefix}constant_input.input')
    if constant is not None:
        return dict(type='LearnableGrid', channels=inputs, size=tuple(constant.shape[-2:]))
    if inputs == 2:
        return dict(type='CartesianGrid')
    raise InputError(
        'weights do not tell whether its sinusoidal encoding extends (configs f and k) or is resized (e and j): '
        'give the config that it was trained with, --config'
    )


def _discriminator(state, prefix) -> dict:
    in_size = 4 << (_count(state, f'{prefix}convs.') - 1)
    last = state[f'{prefix}final_conv.0.conv{WEIGHT}'].shape[0]
    cells = state[f'{prefix}final_linear.0.linear{WEIGHT}'].shape[1] // last
    return dict(
        type='StyleDiscriminator',
        in_size=in_size,
        channel_multiplier=_multiplier(in_size, state[f'{prefix}convs.0.0.conv{WEIGHT}'].shape[0]),
        pool_size=None if cells == 16 else round(cells**0.5),
        max_channels=last,
    )


def _count(state, prefix) -> int:
    """How many numbered parts there are under ``prefix``."""
    return len({name[len(prefix) :].split('.')[0] for name in state if name.startswith(prefix)})


def _multiplier(size, width) -> int:
    """The channel multiplier of a network whose maps have ``width`` channels at ``size`` pixels."""
    return 2 if size < 64 else max(1, round(width * size / 64 / WIDTH_AT_64))
