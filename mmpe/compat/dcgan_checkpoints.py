"""Released DCGAN checkpoints as mmpe's.

Their weights tell all but the slope of leaky ReLU, which is 0.01 in every recipe; another one needs the config that it
was trained with.
"""

from __future__ import annotations

from mmpe.models.dcgan import DCGANModel

from .adversarial_checkpoints import Family, Networks, State, count

MARK = 'noise2feat.conv.weight'


def _generator(state: State) -> dict:
    noise_size, channels, _, _ = state[MARK].shape
    return dict(
        type='DCGANGenerator',
        output_scale=8 << count(state, 'upsampling.'),
        out_channels=state['output_layer.conv.weight'].shape[1],
        base_channels=channels,
        noise_size=noise_size,
    )


def _discriminator(state: State) -> dict:
    channels, in_channels, _, _ = state['downsamples.0.conv.weight'].shape
    return dict(
        type='DCGANDiscriminator',
        input_scale=4 << count(state, 'downsamples.'),
        out_channels=state['output_layer.conv.weight'].shape[0],
        in_channels=in_channels,
        base_channels=channels,
    )


FAMILY = Family(
    'DCGANModel',
    dict(generator='ConvGenerator', discriminator='ConvDiscriminator'),
    dict(generator=_generator, discriminator=_discriminator),
)


def convert_dcgan(networks: Networks, settings: dict | None) -> tuple[DCGANModel, dict]:
    """Build the model of a released DCGAN; see :meth:`~mmpe.compat.adversarial_checkpoints.Family.convert`."""
    return FAMILY.convert(networks, settings)
