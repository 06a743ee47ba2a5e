"""Released DCGAN checkpoints as mmpe's.

Their weights tell all but the slope of leaky ReLU, which is 0.01 in every recipe; another one needs the config that it
was trained with.
"""

from __future__ import annotations

from .adversarial_checkpoints import Family, Kind
from .dcgan import DISCRIMINATOR, GENERATOR, TORCH_SLOPE
from .released_state import State, count

MARK = 'noise2feat.conv.weight'


def _generator(state: State) -> dict:
    noise_size, channels, _, _ = state[MARK].shape
    return dict(
        out_size=8 << count(state, 'upsampling.'),
        latent_channels=noise_size,
        channels=channels,
        out_channels=state['output_layer.conv.weight'].shape[1],
    )


def _discriminator(state: State) -> dict:
    channels, in_channels, _, _ = state['downsamples.0.conv.weight'].shape
    return dict(
        in_size=4 << count(state, 'downsamples.'),
        channels=channels,
        in_channels=in_channels,
        out_channels=state['output_layer.conv.weight'].shape[0],
        slope=TORCH_SLOPE,
    )


DCGAN = Family(
    MARK,
    'DCGANModel',
    generator=Kind('ConvGenerator', _generator, GENERATOR),
    discriminator=Kind('ConvDiscriminator', _discriminator, DISCRIMINATOR),
)
