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

The classes here have the released state dict, so that released weights load and what they save is of the same form. A
state dict of mmpe's own names loads as well. The released code reads pictures as BGR: :func:`swap_colours` makes RGB of
what it has learnt. An argument that mmpe has no counterpart for may be given with its released default; any other value
raises :class:`~mmpe.errors.InputError`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.models.layers import ToRGB, binomial_filter
from mmpe.models.stylegan2 import StyleDiscriminator, StyleGenerator
from mmpe.numbers import as_size, check_real
from mmpe.registry import MODELS

from .arguments import group_size, only_defaults
from .encodings import SPE
from .released_state import ReleasedState, entries_below, is_constant

BLUR = [1, 3, 3, 1]
UP_CONFIG = dict(scale_factor=2, mode='bilinear', align_corners=True)
WEIGHT = '.weight_orig'


# -------------------------------------------------------------------- names


def generator_names(num_mapping_layers: int, num_blocks: int) -> dict[str, str]:
    """mmpe's name of each entry of a generator, but for its encoding, with the released one.

    Args:
        num_mapping_layers (int): Layers of the mapping network.
        num_blocks (int): Blocks, each of which doubles the size.
    """
    names = {f'noise_{i}': f'injected_noise_{i}' for i in range(2 * num_blocks + 1)}
    for i in range(num_mapping_layers):
        names |= _linear(f'style_mapping.layers.{i}', f'style_mapping.{i + 1}')
    names |= _styled_conv('first', 'conv1') | _to_rgb('first_to_rgb', 'to_rgb1')
    for i in range(num_blocks):
        names |= _styled_conv(f'blocks.{i}.up', f'convs.{2 * i}') | _styled_conv(
            f'blocks.{i}.conv', f'convs.{2 * i + 1}'
        )
        names |= _to_rgb(f'blocks.{i}.to_rgb', f'to_rgbs.{i}')
    return names


def discriminator_names(num_blocks: int) -> dict[str, str]:
    """mmpe's name of each entry of a discriminator, with the released one."""
    names = {'from_rgb.weight': f'convs.0.0.conv{WEIGHT}', 'from_rgb.bias': 'convs.0.1.bias'}
    for i in range(num_blocks):
        own, released = f'blocks.{i}.', f'convs.{i + 1}.'
        names |= {
            f'{own}conv1.weight': f'{released}conv1.0.conv{WEIGHT}',
            f'{own}conv1.bias': f'{released}conv1.1.bias',
            f'{own}conv2.weight': f'{released}conv2.1.conv{WEIGHT}',
            f'{own}conv2.bias': f'{released}conv2.2.bias',
            f'{own}skip.weight': f'{released}skip.1.conv{WEIGHT}',
        }
    names |= {'last_conv.weight': f'final_conv.0.conv{WEIGHT}', 'last_conv.bias': 'final_conv.1.bias'}
    return names | _linear('hidden', 'final_linear.0') | _linear('score', 'final_linear.1')


def _linear(own, released):
    return {f'{own}.weight': f'{released}.linear{WEIGHT}', f'{own}.bias': f'{released}.bias'}


def _styled_conv(own, released):
    return {
        f'{own}.layer.conv.weight': f'{released}.conv{WEIGHT}',
        **_linear(f'{own}.modulation', f'{released}.conv.style_modulation'),
        f'{own}.noise_strength': f'{released}.noise_injector.weight',
        f'{own}.bias': f'{released}.activate.bias',
    }


def _to_rgb(own, released):
    return {
        f'{own}.weight': f'{released}.conv{WEIGHT}',
        f'{own}.bias': f'{released}.bias',
        **_linear(f'{own}.modulation', f'{released}.conv.style_modulation'),
    }


def _encoding_name(own: str, learned: bool) -> str:
    """The released name of an entry of the generator's encoding."""
    if learned:
        return own.replace('encoding.constant', 'constant_input.input')
    return own.replace('encoding.encoding.', 'encoding.').replace('encoding.', 'head_pos_enc.', 1)


# -------------------------------------------------------------------- shapes


def _to_released(own: str, value: Tensor, transposed: bool) -> Tensor:
    """A generator's entry in its released shape, sharing its memory."""
    if own.endswith('.layer.conv.weight'):
        return (value.transpose(0, 1) if transposed and '.up.' in own else value)[None]
    if 'to_rgb.' in own and '.modulation.' not in own:
        return value[None, :, None, None] if value.ndim == 1 else value[None, :, :, None, None]
    return value


def _from_released(own: str, value: Tensor, transposed: bool) -> Tensor:
    """The inverse of :func:`_to_released`; what has another shape is left for the strict check of shapes."""
    if own.endswith('.layer.conv.weight') and value.ndim == 5:
        return value[0].transpose(0, 1) if transposed and '.up.' in own else value[0]
    if 'to_rgb.' in own and '.modulation.' not in own and value.ndim >= 4:
        return value[0, ..., 0, 0]
    return value


# -------------------------------------------------------------------- state dicts


def translate_generator(state: dict[str, Tensor], prefix: str = '') -> dict[str, Tensor]:
    """A released generator's state dict under mmpe's names and shapes.

    Args:
        state (dict[str, Tensor]): May hold more than the generator; only what starts with ``prefix`` is read.
        prefix (str): Of the generator's entries, such as 'generator.' or 'generator_ema.module.'.

    Returns:
        dict[str, Tensor]: Without the prefix. Entries of no known name stay as they are, for strict loading to tell.
    """
    state = entries_below(state, prefix)
    transposed = any(name.startswith('convs.') and name.endswith('.blur.kernel') for name in state)
    mapping = {name.split('.')[1] for name in state if name.startswith('style_mapping.')}
    blocks = {name.split('.')[1] for name in state if name.startswith('to_rgbs.')}
    own_names = {released: own for own, released in generator_names(len(mapping), len(blocks)).items()}
    own_names['constant_input.input'] = 'encoding.constant'
    translated = {}
    for name, value in state.items():
        if is_constant(name):
            continue
        own = own_names.get(name, name)
        translated[own] = _from_released(own, value, transposed)
    return translated


def translate_discriminator(state: dict[str, Tensor], prefix: str = '') -> dict[str, Tensor]:
    """A released discriminator's state dict under mmpe's names; arguments as of :func:`translate_generator`."""
    state = entries_below(state, prefix)
    blocks = {name.split('.')[1] for name in state if name.startswith('convs.')}
    own_names = {released: own for own, released in discriminator_names(len(blocks) - 1).items()}
    return {own_names.get(name, name): value for name, value in state.items() if not is_constant(name)}


# -------------------------------------------------------------------- networks


@MODELS.register_module()
class MSStyleGANv2Generator(ReleasedState, StyleGenerator):
    """The released MS-PIE generator.

    Args:
        out_size (int): Side of the image for a base size of 4.
        style_channels (int): Channels of z and of the styles.
        num_mlps (int): Layers of the mapping network.
        channel_multiplier (int): Factor of the channels from 64 pixels on.
        lr_mlp (float): Factor of the mapping network's learning rate.
        default_style_mode (str): 'mix' or 'single': whether styles are mixed in training.
        mix_prob (float): How often.
        no_pad, deconv2conv, interp_pad, up_config, up_after_conv: See this module's description.
        head_pos_encoding (dict | None): The encoding.
        head_pos_size (tuple[int, int]): Side of the head's grid: 4, or 6 without padding.
        interp_head (bool): Whether the encoding is resized from there.
        max_channels (int): Limit of the channels; not released.
        **others: Arguments that may have their released default only.

    Attributes:
        arguments (dict): Those of the :class:`~mmpe.models.stylegan2.StyleGenerator` that this is.
        mixing_probability (float): How often training is to mix styles.

    Raises:
        InputError: If an argument has a value that cannot work, or that mmpe has no counterpart for.
    """

    def __init__(
        self,
        out_size: int,
        style_channels: int = 512,
        num_mlps: int = 8,
        channel_multiplier: int = 2,
        blur_kernel: list = BLUR,
        lr_mlp: float = 0.01,
        default_style_mode: str = 'mix',
        eval_style_mode: str = 'single',
        mix_prob: float = 0.9,
        no_pad: bool = False,
        deconv2conv: bool = False,
        interp_pad: int | None = None,
        up_config: dict | None = None,
        up_after_conv: bool = False,
        head_pos_encoding: dict | None = None,
        head_pos_size: tuple[int, int] = (4, 4),
        interp_head: bool = False,
        *,
        max_channels: int = 512,
        **others,
    ):
        given = dict(blur_kernel=list(blur_kernel), eval_style_mode=eval_style_mode, **others)
        only_defaults(given, dict(GENERATOR_DEFAULTS, noise_size=style_channels) | _harmless(others))
        if default_style_mode not in ('mix', 'single'):
            raise InputError(f"default_style_mode={default_style_mode!r} is not supported: it is 'mix' or 'single'")
        side = 6 if no_pad else 4
        arguments = dict(
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
        super().__init__(**arguments)
        self.arguments = arguments
        check_real(0, 1, mix_prob=mix_prob)
        self.mixing_probability = mix_prob if default_style_mode == 'mix' else 0.0
        self._learned_head = head_pos_encoding is None
        self._transposed = not deconv2conv
        self.released_names = generator_names(num_mlps, self.num_upsamplings) | {
            f'encoding.{name}': _encoding_name(f'encoding.{name}', self._learned_head)
            for name in self.encoding.state_dict()
        }

    def constants(self) -> dict[str, Tensor]:
        """Fixed filters, and what the released encoding remembered its dtype by."""
        filters = {f'to_rgbs.{i}.upsample.kernel': 4 * binomial_filter() for i in range(self.num_upsamplings)}
        if self._transposed:
            filters |= {f'convs.{2 * i}.conv.blur.kernel': 4 * binomial_filter() for i in range(self.num_upsamplings)}
        if any(isinstance(part, SPE) for part in self.encoding.modules()):
            filters['head_pos_enc._float_tensor'] = torch.zeros(1)
        return filters

    def to_released(self, own: str, value: Tensor) -> Tensor:
        """An entry in its released shape, sharing its memory."""
        return _to_released(own, value, self._transposed)

    def from_released(self, own: str, value: Tensor) -> Tensor:
        """An entry of the released shape in mmpe's."""
        return _from_released(own, value, self._transposed)


@MODELS.register_module(name=['StyleGANv2Generator', 'StyleGAN2Generator'])
class StyleGAN2Generator(MSStyleGANv2Generator):
    """The released StyleGAN2 generator: a learned constant, transposed convolutions and zero padding.

    Args:
        out_size, style_channels, **options: As :class:`MSStyleGANv2Generator` has them, without the head, the
            up-sampling and the padding.

    Raises:
        InputError: As :class:`MSStyleGANv2Generator`.
    """

    def __init__(self, out_size: int, style_channels: int = 512, **options):
        for name in ('no_pad', 'deconv2conv', 'interp_pad', 'up_config', 'up_after_conv', *HEAD_ARGUMENTS):
            if name in options:
                raise InputError(f'{name} is an argument of MSStyleGANv2Generator: take that type')
        super().__init__(out_size, style_channels, **options)


@MODELS.register_module()
class MSStyleGAN2Discriminator(ReleasedState, StyleDiscriminator):
    """The released MS-PIE discriminator.

    Args:
        in_size (int): Side of the pictures.
        channel_multiplier (int): Factor of the channels from 64 pixels on.
        mbstd_cfg (dict): ``group_size`` of the minibatch standard deviation, and defaults.
        with_adaptive_pool (bool): Whether pictures may have any size.
        pool_size (tuple[int, int]): What the last map is then averaged to.
        max_channels (int): Limit of the channels; not released.
        **others: Arguments that may have their released default only.

    Attributes:
        arguments (dict): Those of the :class:`~mmpe.models.stylegan2.StyleDiscriminator` that this is.

    Raises:
        InputError: If an argument has a value that cannot work, or that mmpe has no counterpart for.
    """

    def __init__(
        self,
        in_size: int,
        channel_multiplier: int = 2,
        blur_kernel: list = BLUR,
        mbstd_cfg: dict | None = None,
        with_adaptive_pool: bool = False,
        pool_size: tuple[int, int] = (2, 2),
        *,
        max_channels: int = 512,
        **others,
    ):
        only_defaults(dict(others, blur_kernel=list(blur_kernel)), DISCRIMINATOR_DEFAULTS | _harmless(others))
        arguments = dict(
            in_size=in_size,
            channel_multiplier=_channel_multiplier(channel_multiplier),
            pool_size=as_size(pool_size, 'pool_size') if with_adaptive_pool else None,
            group_size=group_size(**(mbstd_cfg or {})),
            max_channels=max_channels,
        )
        super().__init__(**arguments)
        self.arguments = arguments
        self.released_names = discriminator_names(len(self.blocks))

    def constants(self) -> dict[str, Tensor]:
        """Fixed filters."""
        blocks = range(1, len(self.blocks) + 1)
        return {f'convs.{i}.{part}.0.kernel': binomial_filter() for i in blocks for part in ('conv2', 'skip')}


@MODELS.register_module(name=['StyleGANv2Discriminator', 'StyleGAN2Discriminator'])
class StyleGAN2Discriminator(MSStyleGAN2Discriminator):
    """The released StyleGAN2 discriminator, which sees pictures of one size only.

    Args:
        in_size, **options: As :class:`MSStyleGAN2Discriminator` has them, without the pool.

    Raises:
        InputError: As :class:`MSStyleGAN2Discriminator`.
    """

    def __init__(self, in_size: int, **options):
        for name in ('with_adaptive_pool', 'pool_size'):
            if name in options:
                raise InputError(f'{name} is an argument of MSStyleGAN2Discriminator: take that type')
        super().__init__(in_size, **options)


# -------------------------------------------------------------------- arguments

HEAD_ARGUMENTS = ('head_pos_encoding', 'head_pos_size', 'interp_head')
HALF_PRECISION = dict(num_fp16_scales=0, fp16_enabled=False)
GENERATOR_DEFAULTS = dict(
    HALF_PRECISION,
    blur_kernel=BLUR,
    eval_style_mode='single',
    out_channels=3,
    cond_size=None,
    cond_mapping_channels=None,
    norm_eps=1e-6,
    update_mean_latent_with_ema=False,
    bgr2rgb=False,
    pretrained=None,
    fixed_noise=False,
    init_cfg=None,
)
DISCRIMINATOR_DEFAULTS = dict(
    HALF_PRECISION,
    blur_kernel=BLUR,
    img_channels=3,
    cond_size=None,
    cond_mapping_channels=None,
    cond_mapping_layers=None,
    input_bgr2rgb=False,
    data_aug=None,
    pretrained=None,
    init_cfg=None,
)


def _harmless(given: dict) -> dict:
    """What may have any value, as it does nothing beside the defaults of the rest."""
    return {name: given.get(name) for name in ('w_avg_beta', 'out_fp32', 'convert_input_fp32')}


def _channel_multiplier(multiplier):
    # Above 2 the released table goes beyond 512 channels where a map is 64 wide, and no released weights do.
    if multiplier not in (1, 2):
        raise InputError(f'channel_multiplier={multiplier!r} is not supported: it is 1 or 2')
    return multiplier


def _upsampling(no_pad, deconv2conv, interp_pad, up_config, up_after_conv) -> dict:
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


def _head(encoding, size, resized, side, channels) -> dict:
    """The encoding that three released arguments stand for."""
    size = as_size(size, 'head_pos_size')
    if encoding is None:
        return dict(type='mmpe.LearnableGrid', channels=channels, size=side)
    if size != (side, side):
        raise InputError(f'head_pos_size={size} is not supported: it is {(side, side)} here, with or without padding')
    return dict(type='mmpe.ResizedEncoding', encoding=encoding, size=side) if resized else encoding


# -------------------------------------------------------------------- colours


@torch.no_grad()
def swap_colours(network: nn.Module) -> nn.Module:
    """Make RGB of BGR, or the other way round, in what makes or sees an image, in place.

    Args:
        network (nn.Module): A generator, a discriminator, or a model of both.

    Returns:
        nn.Module: ``network``.
    """
    for part in network.modules():
        if isinstance(part, ToRGB):
            part.weight.copy_(part.weight.flip(0))
            part.bias.copy_(part.bias.flip(0))
        elif isinstance(part, StyleDiscriminator):
            part.from_rgb.weight.copy_(part.from_rgb.weight.flip(1))
    return network
