"""Released StyleGAN2 and MS-PIE checkpoints as mmpe's.

Shapes tell the model's config, but for one part, which has no weights: whether a sinusoidal encoding extends with the
size (MS-PIE's configs f and k) or is resized (e and j). That needs the config that it was trained with. Scales and
training are not in a checkpoint at all: a converted one is there to be sampled.
"""

from __future__ import annotations

import torch

from mmpe.errors import InputError

from .adversarial_checkpoints import Family, Kind
from .released_state import State, count
from .stylegan2 import DISCRIMINATOR, GENERATOR, release_discriminator, release_generator

WEIGHT = '.weight_orig'
MARK = f'conv1.conv{WEIGHT}'
WIDTH_AT_64 = 256  # channels for each unit of the channel multiplier, and half of it at twice the size


class _StyleGAN2(Family):
    def networks(self, state: State) -> dict[str, State]:
        """Where the generator or its running average is missing, the other serves as both."""
        networks = super().networks(state)
        return networks and {'generator_ema': networks['generator'], **networks}


def _generator(state: State) -> dict:
    def shape(name: str) -> torch.Size:
        return state[name].shape

    blocks = count(state, 'to_rgbs.')
    _, channels, inputs, _, _ = shape(f'conv1.conv{WEIGHT}')
    unpadded = shape('injected_noise_1')[-1] > 2 * shape('injected_noise_0')[-1]
    if 'convs.0.conv.blur.kernel' in state:
        upsampling = 'TransposedConvBlur'
    else:
        upsampling = 'BilinearThenConv' if unpadded else 'ConvThenBilinear'
    return dict(
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
        in_size=in_size,
        channel_multiplier=_multiplier(in_size, state[f'convs.0.0.conv{WEIGHT}'].shape[0]),
        pool_size=None if cells == 16 else round(cells**0.5),
        max_channels=last,
    )


def _multiplier(size: int, width: int) -> int:
    """The channel multiplier of a network whose maps have ``width`` channels at ``size`` pixels."""
    return 2 if size < 64 else max(1, round(width * size / 64 / WIDTH_AT_64))


STYLEGAN2 = _StyleGAN2(
    MARK,
    'StyleGAN2Model',
    generator=Kind('StyleGenerator', _generator, GENERATOR, lambda network, _: release_generator(network)),
    discriminator=Kind(
        'StyleDiscriminator', _discriminator, DISCRIMINATOR, lambda network, _: release_discriminator(network)
    ),
)
