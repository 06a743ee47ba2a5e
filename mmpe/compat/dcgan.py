"""The released DCGAN: its names, arguments and state dicts, on :mod:`mmpe.models.dcgan`."""

from __future__ import annotations

from torch import Tensor, nn

from mmpe.models.dcgan import ConvDiscriminator, ConvGenerator, DCGANModel
from mmpe.registry import MODELS

from .adversarial import ReleasedModel
from .arguments import built_of, only_defaults
from .released_state import as_released
from .singan import BATCH_NORM, TANH

RELU = dict(type='ReLU')
TORCH_SLOPE = 0.01  # what mmcv's LeakyReLU has where none is named


def _transposed(weight: Tensor) -> Tensor:
    """The linear layer of a head as the transposed convolution of one pixel, which makes 4x4."""
    return weight.unflatten(0, (-1, 4, 4))[..., 0, 0].movedim(-1, 0)


GENERATOR_SHAPES = {r'head\.linear\.weight': _transposed}
GENERATOR_COLORS = {r'last\.weight': 1, r'last\.bias': 0}
DISCRIMINATOR_COLORS = {r'first\.weight': 1}


def release_generator(network: ConvGenerator) -> ConvGenerator:
    """Give a generator of mmpe's the released state dict."""
    parts = {'head.linear': 'noise2feat.conv', 'norm': 'noise2feat.bn', 'last': 'output_layer.conv'}
    return as_released(network, _names(network, parts, 'upsampling', 0), GENERATOR_SHAPES)


def release_discriminator(network: ConvDiscriminator) -> ConvDiscriminator:
    """Give a discriminator of mmpe's the released state dict."""
    parts = {'first': 'downsamples.0.conv', 'last': 'output_layer.conv'}
    return as_released(network, _names(network, parts, 'downsamples', 1))


def _names(network: nn.Module, parts: dict[str, str], blocks: str, first: int) -> dict[str, str]:
    """mmpe's name of each entry with the released one, of parts and of blocks, which are numbered from ``first``."""
    for i in range(len(network.blocks)):
        parts |= {f'blocks.{i}.conv': f'{blocks}.{i + first}.conv', f'blocks.{i}.norm': f'{blocks}.{i + first}.bn'}
    names = {}
    for name in network.state_dict():
        part, _, entry = name.rpartition('.')
        names[name] = f'{parts[part]}.{entry}'
    return names


@MODELS.register_module()
def DCGANGenerator(
    output_scale: int,
    out_channels: int = 3,
    base_channels: int = 1024,
    input_scale: int = 4,
    noise_size: int = 100,
    **others,
) -> ConvGenerator:
    """The released DCGAN generator.

    Args:
        output_scale: Side of the image.
        out_channels: Channels of the image.
        base_channels: Width of the first map.
        input_scale: Side of the first map, 4.
        noise_size: Channels of a latent.

    >>> network = DCGANGenerator(output_scale=16, base_channels=8)
    >>> list(network.state_dict())[0]
    'noise2feat.conv.weight'
    """
    activations = dict(default_act_cfg=RELU, out_act_cfg=TANH)
    defaults = dict(activations, input_scale=4, default_norm_cfg=BATCH_NORM, init_cfg=None, pretrained=None)
    only_defaults(dict(others, input_scale=input_scale), defaults)
    network = built_of(
        ConvGenerator,
        out_size=output_scale,
        latent_channels=noise_size,
        channels=base_channels,
        out_channels=out_channels,
    )
    return release_generator(network)


@MODELS.register_module()
def DCGANDiscriminator(
    input_scale: int,
    output_scale: int = 4,
    out_channels: int = 1,
    in_channels: int = 3,
    base_channels: int = 128,
    default_act_cfg: dict = dict(type='LeakyReLU'),  # noqa: B006
    **others,
) -> ConvDiscriminator:
    """The released DCGAN discriminator.

    Args:
        input_scale: Side of the pictures.
        output_scale: Side of the last map, 4.
        out_channels: Numbers for each picture.
        in_channels: Channels of the pictures.
        base_channels: Width after the first convolution.
        default_act_cfg: LeakyReLU.

    >>> network = DCGANDiscriminator(input_scale=16, base_channels=4)
    >>> list(network.state_dict())[0]
    'downsamples.0.conv.weight'
    """
    activation = dict(default_act_cfg)
    slope = activation.pop('negative_slope', TORCH_SLOPE)
    defaults = dict(default_norm_cfg=BATCH_NORM, out_act_cfg=None, init_cfg=None, pretrained=None, output_scale=4)
    only_defaults(dict(others, output_scale=output_scale), defaults)
    only_defaults(dict(default_act_cfg=activation), dict(default_act_cfg=dict(type='LeakyReLU')))
    network = built_of(
        ConvDiscriminator,
        in_size=input_scale,
        channels=base_channels,
        in_channels=in_channels,
        out_channels=out_channels,
        slope=slope,
    )
    return release_discriminator(network)


@MODELS.register_module()
class DCGAN(ReleasedModel, DCGANModel):
    """The released DCGAN.

    Args:
        *args, **kwargs: As :class:`~mmpe.compat.adversarial.ReleasedModel` has them.
        loss_config: Not supported.
    """

    def __init__(self, *args, loss_config: dict | None = None, **kwargs):
        only_defaults(dict(loss_config=loss_config), dict(loss_config=None))
        super().__init__({}, *args, **kwargs)
