"""The released Progressive GAN: its names, arguments and state dicts, on :mod:`mmpe.models.pggan`."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from mmpe.models.pggan import GrowingDiscriminator, GrowingGenerator, PGGANModel
from mmpe.models.pggan.layers import Conv
from mmpe.numbers import check_whole
from mmpe.registry import MODELS

from .adversarial import BILINEAR, ReleasedModel
from .arguments import built_of, group_size, only_defaults, takes_only
from .released_state import Entry, as_released, part

SHOWN = 'shown_nkimg'
PLACE = (SHOWN, '_curr_scale_int', '_next_scale_int', '_curr_transition_weight')  # where in its growth a model is
COMMON = dict(label_size=0, conv_module_cfg=None, init_cfg=None, pretrained=None)
NEAREST = dict(upsample_cfg=dict(type='nearest', scale_factor=2))
AVGPOOL = dict(downsample_cfg=dict(type='avgpool'))

# -------------------------------------------------------------------- state dicts

LAYER = {'weight': 'weight_orig', 'bias': 'bias'}


def _matrix(weight: Tensor) -> Tensor:
    return weight.flatten(1)


def _not_transposed(weight: Tensor) -> Tensor:
    return weight.transpose(0, 1).flip(2, 3)


LINEAR = {'weight': Entry('weight_orig', shape=_matrix), 'bias': 'bias'}
GENERATOR = {
    'head.linear.weight': Entry('noise2feat.linear.weight_orig', shape=_matrix),
    'head_bias': 'noise2feat.bias',
    **part('first', 'conv_blocks.0.conv', LAYER),
    **part('blocks.{i}.up', 'conv_blocks.{2i+1}.conv', LAYER),
    **part('blocks.{i}.conv', 'conv_blocks.{2i+2}.conv', LAYER),
    'to_rgb.{i}.weight': Entry('torgb_layers.{i}.conv.weight_orig', colors=0),
    'to_rgb.{i}.bias': Entry('torgb_layers.{i}.conv.bias', colors=0),
}
UNFUSED = {'blocks.{i}.up.weight': Entry('conv_blocks.{2i+1}.conv.weight_orig', shape=_not_transposed)}
DISCRIMINATOR = {
    'from_rgb.{i}.weight': Entry('fromrgb_layers.{i}.conv.weight_orig', colors=1),
    'from_rgb.{i}.bias': 'fromrgb_layers.{i}.conv.bias',
    **part('unused', 'conv_blocks.0.conv', LAYER),
    **part('blocks.{i}.conv', 'conv_blocks.{2i+1}.conv', LAYER),
    **part('blocks.{i}.down', 'conv_blocks.{2i+2}.conv', LAYER),
    **part('hidden', 'decision.linear0', LINEAR),
    **part('score', 'decision.linear1', LINEAR),
}


def release_generator(network: GrowingGenerator, fused: bool) -> GrowingGenerator:
    """Give a generator of mmpe's the released state dict, and the released learning rates of fused layers.

    Args:
        network: The network; it is changed in place.
        fused: Whether the convolutions after each enlargement have weights as transposed ones. mmpe divides by
            the root of their fan-in, and the released fused layers by that of their fan-out.
    """
    factors = {}
    for i, block in enumerate(network.blocks if fused else ()):
        block.up.fan_in = 9 * block.up.out_channels
        factors[f'blocks.{i}.up.weight'] = math.sqrt(9 * block.up.in_channels / block.up.fan_in)
    network.register_forward_pre_hook(_negative_side_is_the_largest, with_kwargs=True)
    return as_released(network, GENERATOR if fused else GENERATOR | UNFUSED, factors=factors)


def release_discriminator(network: GrowingDiscriminator) -> GrowingDiscriminator:
    """Give a discriminator of mmpe's the released state dict, and the convolution that it has and does not run."""
    width = network.from_rgb[0].out_channels
    network.unused = Conv(width, width, 3)
    network.register_forward_pre_hook(_negative_side_is_the_largest, with_kwargs=True)
    return as_released(network, DISCRIMINATOR)


def _negative_side_is_the_largest(_, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """The released way to call these networks, whose second argument is a side."""
    if len(args) > 1 and (args[1] or 0) < 0:
        args = (args[0], None, *args[2:])
    if (kwargs.get('curr_scale') or 0) < 0:
        kwargs = dict(kwargs, curr_scale=None)
    return args, kwargs


# -------------------------------------------------------------------- networks


@MODELS.register_module()
@takes_only(**COMMON, fused_upconv_cfg=None, same=('channel_decay',))
def PGGANGenerator(
    noise_size: int | None = None,
    out_scale: int = 128,
    *,
    base_channels: int = 8192,
    max_channels: int = 512,
    fused_upconv: bool = True,
    upsample_cfg: dict | None = None,
    **same,
) -> GrowingGenerator:
    """The released Progressive GAN generator.

    Args:
        noise_size: Channels of a latent; None: those of the first map before it is halved.
        out_scale: Side of the largest image.
        base_channels: Maps of 4 pixels have half as many channels, and so on.
        max_channels: Limit of the channels.
        fused_upconv: Whether the convolutions after each enlargement have weights as transposed ones. They learn
            at a rate for the channels of their output then.
        upsample_cfg: Nearest neighbors, twice as many.
        **same: ``channel_decay``, as :class:`~mmpe.models.pggan.GrowingGenerator` has it.

    >>> network = PGGANGenerator(out_scale=8, base_channels=16)
    >>> 'noise2feat.linear.weight_orig' in network.state_dict()
    True
    """
    only_defaults(dict(upsample_cfg=NEAREST['upsample_cfg'] | (upsample_cfg or {})), NEAREST)
    check_whole(1, base_channels=base_channels, max_channels=max_channels)
    network = built_of(
        GrowingGenerator,
        out_size=out_scale,
        latent_channels=noise_size or min(base_channels, max_channels),
        base_channels=base_channels,
        max_channels=max_channels,
        **same,
    )
    return release_generator(network, fused_upconv)


@MODELS.register_module()
@takes_only(
    **COMMON,
    fused_convdown_cfg=None,
    fromrgb_layer_cfg=None,
    fused_convdown=True,
    same=('base_channels', 'max_channels', 'channel_decay', 'in_channels'),
)
def PGGANDiscriminator(
    in_scale: int,
    *,
    mbstd_cfg: dict | None = dict(group_size=4),  # noqa: B006
    downsample_cfg: dict | None = None,
    **same,
) -> GrowingDiscriminator:
    """The released Progressive GAN discriminator, with the convolution that it has and does not run.

    Args:
        in_scale: Side of the largest pictures.
        mbstd_cfg: ``group_size`` of the minibatch standard deviation, and defaults; None: without it.
        downsample_cfg: The mean of four pixels.
        **same: ``base_channels``, ``max_channels``, ``channel_decay`` and ``in_channels``, as
            :class:`~mmpe.models.pggan.GrowingDiscriminator` has them.

    >>> network = PGGANDiscriminator(in_scale=8, base_channels=16)
    >>> 'conv_blocks.0.conv.weight_orig' in network.state_dict()
    True
    """
    only_defaults({} if downsample_cfg is None else dict(downsample_cfg=downsample_cfg), AVGPOOL)
    group = None if mbstd_cfg is None else group_size(**mbstd_cfg)
    return release_discriminator(built_of(GrowingDiscriminator, in_size=in_scale, group_size=group, **same))


@MODELS.register_module(name=['ProgressiveGrowingGAN', 'PGGAN'])
class ProgressiveGrowingGAN(ReleasedModel, PGGANModel):
    """The released Progressive GAN.

    Learning rates by side, which the released optimizers have (``lr_schedule``), are ``lr_factors`` here.

    Args:
        *args, **kwargs: As :class:`~mmpe.compat.adversarial.ReleasedModel` has them.
        nkimgs_per_scale: Side to thousands of images.
        interp_real: How pictures become those of a side; None: bilinear, without antialiasing.
        transition_kimgs: Thousands of images in which a new side's layers fade in.
        lr_factors: As :class:`~mmpe.models.pggan.PGGANModel` has it; not released.

    >>> generator = dict(type='PGGANGenerator', out_scale=8, base_channels=16)
    >>> ProgressiveGrowingGAN(generator, nkimgs_per_scale={'4': 600, '8': 12000}).sample(2).shape
    torch.Size([2, 3, 8, 8])
    """

    def __init__(
        self,
        *args,
        nkimgs_per_scale: Mapping | None = None,
        interp_real: dict | None = None,
        transition_kimgs: float = 600,
        lr_factors: Mapping | None = None,
        **kwargs,
    ):
        schedule = dict(kimgs_per_scale=nkimgs_per_scale, transition_kimgs=transition_kimgs, lr_factors=lr_factors)
        super().__init__(*args, own=dict(schedule, resize=interp_real or BILINEAR), **kwargs)

    def _take_released(self, state_dict: dict, prefix: str) -> None:
        super()._take_released(state_dict, prefix)
        place = {name: state_dict.pop(prefix + name) for name in PLACE if prefix + name in state_dict}
        if SHOWN in place:
            state_dict[prefix + 'images_seen'] = images_seen(place[SHOWN])


def images_seen(shown: Tensor) -> Tensor:
    """Images, of thousands of them as a released model counts."""
    return (1000 * shown.double()).round().long()
