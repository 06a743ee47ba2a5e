"""The released StyleGAN2 and MS-PIE networks: their names, arguments and state dicts, on :mod:`mmpe.models.stylegan2`.

Five flags of the released generator stand for an up-sampling order and a padding:

===============  =================  ===========  =============  ======================  =========
``deconv2conv``  ``up_after_conv``  ``no_pad``   ``interp_pad``  ``upsampling``          ``padding``
===============  =================  ===========  =============  ======================  =========
False            (no effect)        False        None           ``TransposedConvBlur``  zero
True             True               False        None           ``ConvThenBilinear``    zero
True             False              False        None           ``BilinearThenConv``    zero
True             True               True         6              ``ConvThenBilinear``    none
True             False              True         4              ``BilinearThenConv``    none
===============  =================  ===========  =============  ======================  =========

``head_pos_encoding`` is the encoding and None the learned constant; ``interp_head`` has it coded at the size of the
head and resized, which the constant always is.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmpe.errors import InputError
from mmpe.models.layers import binomial_filter
from mmpe.models.stylegan2 import StyleDiscriminator, StyleGenerator
from mmpe.models.stylegan2.upsampling import TransposedConvBlur
from mmpe.numbers import as_size, check_real
from mmpe.registry import MODELS

from .arguments import built_of, group_size, refuse_arguments_of, takes_only
from .encodings import SPE
from .released_state import Entry, as_released, part

UP_CONFIG = dict(scale_factor=2, mode='bilinear', align_corners=True)

# -------------------------------------------------------------------- state dicts


def _of_batches(weight: Tensor) -> Tensor:
    return weight[None]


def _transposed(weight: Tensor) -> Tensor:
    return weight.transpose(0, 1)[None]


def _to_rgb_weight(weight: Tensor) -> Tensor:
    return weight[None, :, :, None, None]


def _to_rgb_bias(bias: Tensor) -> Tensor:
    return bias[None, :, None, None]


LINEAR = {'weight': 'linear.weight_orig', 'bias': 'bias'}
MODULATION = part('modulation', 'conv.style_modulation', LINEAR)
TO_RGB = {
    'weight': Entry('conv.weight_orig', shape=_to_rgb_weight, colors=0),
    'bias': Entry('bias', shape=_to_rgb_bias, colors=0),
    **MODULATION,
}
STYLED_CONV = {
    'layer.conv.weight': Entry('conv.weight_orig', shape=_of_batches),
    **MODULATION,
    'noise_strength': 'noise_injector.weight',
    'bias': 'activate.bias',
}
GENERATOR = {
    'noise_{i}': 'injected_noise_{i}',
    **part('style_mapping.layers.{i}', 'style_mapping.{i+1}', LINEAR),
    **part('first', 'conv1', STYLED_CONV),
    **part('first_to_rgb', 'to_rgb1', TO_RGB),
    **part('blocks.{i}.up', 'convs.{2i}', STYLED_CONV),
    **part('blocks.{i}.conv', 'convs.{2i+1}', STYLED_CONV),
    **part('blocks.{i}.to_rgb', 'to_rgbs.{i}', TO_RGB),
    'encoding.constant': 'constant_input.input',
    'encoding.encoding': 'head_pos_enc',  # of one that is resized
    'encoding': 'head_pos_enc',
}
TRANSPOSED = {'blocks.{i}.up.layer.conv.weight': Entry('convs.{2i}.conv.weight_orig', shape=_transposed)}
CONV = {'weight': '0.conv.weight_orig', 'bias': '1.bias'}
DISCRIMINATOR = {
    'from_rgb.weight': Entry('convs.0.0.conv.weight_orig', colors=1),
    'from_rgb.bias': 'convs.0.1.bias',
    **part('blocks.{i}.conv1', 'convs.{i+1}.conv1', CONV),
    'blocks.{i}.conv2.weight': 'convs.{i+1}.conv2.1.conv.weight_orig',
    'blocks.{i}.conv2.bias': 'convs.{i+1}.conv2.2.bias',
    'blocks.{i}.skip.weight': 'convs.{i+1}.skip.1.conv.weight_orig',
    **part('last_conv', 'final_conv', CONV),
    **part('hidden', 'final_linear.0', LINEAR),
    **part('score', 'final_linear.1', LINEAR),
}


def release_generator(network: StyleGenerator) -> StyleGenerator:
    """Give a generator of mmpe's the released state dict."""
    modules, blocks = list(network.modules()), range(network.num_upsamplings)
    transposed = any(isinstance(module, TransposedConvBlur) for module in modules)
    filters = [f'to_rgbs.{i}.upsample.kernel' for i in blocks]
    filters += [f'convs.{2 * i}.conv.blur.kernel' for i in blocks if transposed]
    constants = {name: 4 * binomial_filter() for name in filters}
    if any(isinstance(module, SPE) for module in modules):
        constants['head_pos_enc._float_tensor'] = torch.zeros(1)  # it only remembered a dtype and a device
    return as_released(network, GENERATOR | TRANSPOSED if transposed else GENERATOR, constants)


def release_discriminator(network: StyleDiscriminator) -> StyleDiscriminator:
    """Give a discriminator of mmpe's the released state dict."""
    filters = [f'convs.{i + 1}.{layer}.0.kernel' for i in range(len(network.blocks)) for layer in ('conv2', 'skip')]
    return as_released(network, DISCRIMINATOR, {name: binomial_filter() for name in filters})


# -------------------------------------------------------------------- networks

MULTI_SCALE = ('no_pad', 'deconv2conv', 'interp_pad', 'up_config', 'up_after_conv')
MULTI_SCALE += ('head_pos_encoding', 'head_pos_size', 'interp_head')
HARMLESS = ('w_avg_beta', 'out_fp32', 'convert_input_fp32')  # beside the defaults of the others
COMMON = dict(
    dict.fromkeys(('cond_size', 'cond_mapping_channels', 'pretrained', 'init_cfg')),
    blur_kernel=[1, 3, 3, 1],
    num_fp16_scales=0,
    fp16_enabled=False,
)


@MODELS.register_module()
@takes_only(
    *HARMLESS,
    **COMMON,
    eval_style_mode='single',
    out_channels=3,
    norm_eps=1e-6,
    update_mean_latent_with_ema=False,
    bgr2rgb=False,
    fixed_noise=False,
)
def MSStyleGANv2Generator(
    out_size: int,
    style_channels: int = 512,
    num_mlps: int = 8,
    channel_multiplier: int = 2,
    *,
    lr_mlp: float = 0.01,
    default_style_mode: str = 'mix',
    mix_prob: float = 0.9,
    no_pad: bool = False,
    deconv2conv: bool = False,
    interp_pad: int | None = None,
    up_config: dict | None = None,
    up_after_conv: bool = False,
    head_pos_encoding: dict | None = None,
    head_pos_size: tuple[int, int] = (4, 4),
    interp_head: bool = False,
    noise_size: int | None = None,
    max_channels: int = 512,
) -> StyleGenerator:
    """The released MS-PIE generator.

    Args:
        out_size: Side of the image for a base size of 4.
        style_channels: Channels of z and of the styles.
        num_mlps: Layers of the mapping network.
        channel_multiplier: Factor of the channels from 64 pixels on.
        lr_mlp: Factor of the mapping network's learning rate.
        default_style_mode: 'mix' or 'single': whether styles are mixed in training.
        mix_prob: How often.
        no_pad, deconv2conv, interp_pad, up_config, up_after_conv: See this module's description.
        head_pos_encoding: The encoding.
        head_pos_size: Side of the head's grid: 4, or 6 without padding.
        interp_head: Whether the encoding is resized from there.
        noise_size: ``style_channels``, once more.
        max_channels: Limit of the channels; not released.

    Returns:
        With the released state dict, its own ``arguments``, and how often training is to mix styles,
            ``mixing_probability``.

    >>> network = MSStyleGANv2Generator(16, style_channels=8, num_mlps=2, max_channels=8)
    >>> 'convs.2.conv.blur.kernel' in network.state_dict()
    True
    """
    if noise_size not in (None, style_channels):
        raise InputError(f'noise_size={noise_size} does not fit style_channels={style_channels}: leave it out')
    if default_style_mode not in ('mix', 'single'):
        raise InputError(f"default_style_mode={default_style_mode!r} is not supported: it is 'mix' or 'single'")
    side = 6 if no_pad else 4
    network = built_of(
        StyleGenerator,
        out_size=out_size,
        encoding=_head(head_pos_encoding, head_pos_size, interp_head, side, max_channels),
        upsampling=_upsampling(no_pad, deconv2conv, interp_pad, up_config, up_after_conv),
        padding='none' if no_pad else 'zero',
        style_channels=style_channels,
        num_mapping_layers=num_mlps,
        mapping_lr=lr_mlp,
        channel_multiplier=_channel_multiplier(channel_multiplier),
        max_channels=max_channels,
    )
    check_real(0, 1, mix_prob=mix_prob)
    network.mixing_probability = mix_prob if default_style_mode == 'mix' else 0.0
    return release_generator(network)


@MODELS.register_module(name=['StyleGANv2Generator', 'StyleGAN2Generator'])
def StyleGAN2Generator(out_size: int, style_channels: int = 512, **options) -> StyleGenerator:
    """The released StyleGAN2 generator: a learned constant, transposed convolutions and zero padding.

    Args:
        out_size, style_channels, **options: As :func:`MSStyleGANv2Generator` has them, without the head, the
            up-sampling and the padding.

    >>> StyleGAN2Generator(16, style_channels=8, num_mlps=2, max_channels=8)(torch.zeros(1, 8)).shape
    torch.Size([1, 3, 16, 16])
    """
    refuse_arguments_of('MSStyleGANv2Generator', MULTI_SCALE, options)
    return MSStyleGANv2Generator(out_size, style_channels, **options)


@MODELS.register_module()
@takes_only(*HARMLESS, **COMMON, img_channels=3, cond_mapping_layers=None, input_bgr2rgb=False, data_aug=None)
def MSStyleGAN2Discriminator(
    in_size: int,
    channel_multiplier: int = 2,
    *,
    mbstd_cfg: dict | None = None,
    with_adaptive_pool: bool = False,
    pool_size: tuple[int, int] = (2, 2),
    max_channels: int = 512,
) -> StyleDiscriminator:
    """The released MS-PIE discriminator.

    Args:
        in_size: Side of the pictures.
        channel_multiplier: Factor of the channels from 64 pixels on.
        mbstd_cfg: ``group_size`` of the minibatch standard deviation, and defaults.
        with_adaptive_pool: Whether pictures may have any size.
        pool_size: What the last map is then averaged to.
        max_channels: Limit of the channels; not released.

    >>> MSStyleGAN2Discriminator(16, with_adaptive_pool=True, max_channels=8)(torch.zeros(2, 3, 16, 24)).shape
    torch.Size([2, 1])
    """
    network = built_of(
        StyleDiscriminator,
        in_size=in_size,
        channel_multiplier=_channel_multiplier(channel_multiplier),
        pool_size=as_size(pool_size, 'pool_size') if with_adaptive_pool else None,
        group_size=group_size(**(mbstd_cfg or {})),
        max_channels=max_channels,
    )
    return release_discriminator(network)


@MODELS.register_module(name=['StyleGANv2Discriminator', 'StyleGAN2Discriminator'])
def StyleGAN2Discriminator(in_size: int, **options) -> StyleDiscriminator:
    """The released StyleGAN2 discriminator, which sees pictures of one size only.

    Args:
        in_size, **options: As :func:`MSStyleGAN2Discriminator` has them, without the pool.

    >>> StyleGAN2Discriminator(16, max_channels=8)(torch.zeros(2, 3, 16, 16)).shape
    torch.Size([2, 1])
    """
    refuse_arguments_of('MSStyleGAN2Discriminator', ('with_adaptive_pool', 'pool_size'), options)
    return MSStyleGAN2Discriminator(in_size, **options)


# -------------------------------------------------------------------- arguments


def _channel_multiplier(multiplier: int) -> int:
    # Above 2 the released table goes beyond 512 channels where a map is 64 wide, and no released weights do.
    if multiplier not in (1, 2):
        raise InputError(f'channel_multiplier={multiplier!r} is not supported: it is 1 or 2')
    return multiplier


def _upsampling(
    no_pad: bool, deconv2conv: bool, interp_pad: int | None, up_config: dict | None, up_after_conv: bool
) -> dict:
    """The up-sampling order that five released arguments stand for."""
    if not deconv2conv:
        if no_pad or interp_pad is not None:
            raise InputError(
                f'no_pad={no_pad} and interp_pad={interp_pad} cannot work with deconv2conv=False: '
                f'a transposed convolution has its padding inside'
            )
        return dict(type='mmpe.TransposedConvBlur')
    if up_config is None or {key: up_config.get(key) for key in UP_CONFIG} != UP_CONFIG or len(up_config) > 3:
        raise InputError(f'up_config={up_config!r} is not supported: mmpe has only up_config={UP_CONFIG!r}')
    fitting = (6 if up_after_conv else 4) if no_pad else None
    if interp_pad != fitting:
        raise InputError(
            f'interp_pad={interp_pad} cannot work with no_pad={no_pad} and up_after_conv={up_after_conv}: '
            f'images keep their size with interp_pad={fitting}'
        )
    return dict(type='mmpe.ConvThenBilinear' if up_after_conv else 'mmpe.BilinearThenConv')


def _head(encoding: dict | None, size: int | Sequence[int], resized: bool, side: int, channels: int) -> dict:
    """The encoding that three released arguments stand for."""
    size = as_size(size, 'head_pos_size')
    if encoding is None:
        return dict(type='mmpe.LearnableGrid', channels=channels, size=side)
    if size != (side, side):
        raise InputError(f'head_pos_size={size} is not supported: it is {(side, side)} here, with or without padding')
    return dict(type='mmpe.ResizedEncoding', encoding=encoding, size=side) if resized else encoding
