"""The released DCGAN: its names, arguments and state dicts, on :mod:`mmpe.models.dcgan`."""

from __future__ import annotations

from torch import Tensor

from mmpe.models.dcgan import ConvDiscriminator, ConvGenerator, DCGANModel
from mmpe.registry import MODELS

from .adversarial import ReleasedModel
from .arguments import built_of, only_defaults, takes_only
from .released_state import Entry, as_released
from .singan import BATCH_NORM, TANH

TORCH_SLOPE = 0.01  # what mmcv's LeakyReLU has where none is named


def _transposed(weight: Tensor) -> Tensor:
    """The linear layer of a head as the transposed convolution of one pixel, which makes 4x4."""
    return weight.unflatten(0, (-1, 4, 4))[..., 0, 0].movedim(-1, 0)


GENERATOR = {
    'head.linear.weight': Entry('noise2feat.conv.weight', shape=_transposed),
    'norm': 'noise2feat.bn',
    'blocks.{i}.conv': 'upsampling.{i}.conv',
    'blocks.{i}.norm': 'upsampling.{i}.bn',
    'last.weight': Entry('output_layer.conv.weight', colors=1),
    'last.bias': Entry('output_layer.conv.bias', colors=0),
}
DISCRIMINATOR = {
    'first.weight': Entry('downsamples.0.conv.weight', colors=1),
    'first': 'downsamples.0.conv',
    'blocks.{i}.conv': 'downsamples.{i+1}.conv',
    'blocks.{i}.norm': 'downsamples.{i+1}.bn',
    'last': 'output_layer.conv',
}


COMMON = dict(default_norm_cfg=BATCH_NORM, init_cfg=None, pretrained=None)


@MODELS.register_module()
@takes_only(**COMMON, input_scale=4, default_act_cfg=dict(type='ReLU'), out_act_cfg=TANH)
def DCGANGenerator(
    output_scale: int, out_channels: int = 3, base_channels: int = 1024, *, noise_size: int = 100
) -> ConvGenerator:
    """The released DCGAN generator.

    Args:
        output_scale: Side of the image.
        out_channels: Channels of the image.
        base_channels: Width of the first map.
        noise_size: Channels of a latent.

    >>> network = DCGANGenerator(output_scale=16, base_channels=8)
    >>> 'noise2feat.conv.weight' in network.state_dict()
    True
    """
    own = dict(out_size=output_scale, latent_channels=noise_size, channels=base_channels, out_channels=out_channels)
    return as_released(built_of(ConvGenerator, **own), GENERATOR)


@MODELS.register_module()
@takes_only(**COMMON, output_scale=4, out_act_cfg=None)
def DCGANDiscriminator(
    input_scale: int,
    *,
    out_channels: int = 1,
    in_channels: int = 3,
    base_channels: int = 128,
    default_act_cfg: dict = dict(type='LeakyReLU'),  # noqa: B006
) -> ConvDiscriminator:
    """The released DCGAN discriminator.

    Args:
        input_scale: Side of the pictures.
        out_channels: Numbers for each picture.
        in_channels: Channels of the pictures.
        base_channels: Width after the first convolution.
        default_act_cfg: LeakyReLU.

    >>> network = DCGANDiscriminator(input_scale=16, base_channels=4)
    >>> 'downsamples.0.conv.weight' in network.state_dict()
    True
    """
    activation = dict(default_act_cfg)
    slope = activation.pop('negative_slope', TORCH_SLOPE)
    only_defaults(dict(default_act_cfg=activation), dict(default_act_cfg=dict(type='LeakyReLU')))
    own = dict(in_size=input_scale, channels=base_channels, in_channels=in_channels, out_channels=out_channels)
    return as_released(built_of(ConvDiscriminator, **own, slope=slope), DISCRIMINATOR)


@MODELS.register_module()
class DCGAN(ReleasedModel, DCGANModel):
    """The released DCGAN.

    Args:
        *args, **kwargs: As :class:`~mmpe.compat.adversarial.ReleasedModel` has them.

    >>> DCGAN(dict(type='DCGANGenerator', output_scale=16, base_channels=8), noise_size=4).sample(2).shape
    torch.Size([2, 3, 16, 16])
    """
