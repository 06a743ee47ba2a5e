"""The released Progressive GAN: its names, arguments and state dicts, on :mod:`mmpe.models.pggan`.

The networks here have the released state dict; one of mmpe's own names loads as well. The released code reads pictures
as BGR; mmpe is RGB throughout, and so is what these classes learn here. :mod:`mmpe.compat.pggan_checkpoints` converts
what they have learnt elsewhere. An argument that mmpe has no counterpart for may be given with its released default;
any other value raises :class:`~mmpe.errors.InputError`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from mmpe.models.pggan import GrowingDiscriminator, GrowingGenerator, PGGANModel
from mmpe.models.pggan.layers import Conv
from mmpe.numbers import check_whole
from mmpe.registry import MODELS

from .adversarial import ReleasedModel, preprocessor, running_average, with_noise_size
from .arguments import group_size, only_defaults
from .released_state import ConvertibleState

SHOWN = 'shown_nkimg'
PLACE = (SHOWN, '_curr_scale_int', '_next_scale_int', '_curr_transition_weight')  # where in its growth a model is
NEAREST = dict(type='nearest', scale_factor=2)


def _layer(own: str, released: str, bias: bool = True) -> dict[str, str]:
    names = {f'{own}.weight': f'{released}.weight_orig'}
    return names | {f'{own}.bias': f'{released}.bias'} if bias else names


def _pairs(num_blocks: int, first: str, second: str) -> dict[str, str]:
    """The convolutions of blocks, two in each, which the released networks have in one list."""
    names = {}
    for i in range(num_blocks):
        names |= _layer(f'blocks.{i}.{first}', f'conv_blocks.{2 * i + 1}.conv')
        names |= _layer(f'blocks.{i}.{second}', f'conv_blocks.{2 * i + 2}.conv')
    return names


def _side(curr_scale: int | None) -> int | None:
    """The released networks take a negative side for the largest."""
    return None if curr_scale is not None and curr_scale < 0 else curr_scale


@MODELS.register_module()
class PGGANGenerator(ConvertibleState, GrowingGenerator):
    """The released Progressive GAN generator.

    Args:
        noise_size (int | None): Channels of a latent; None: those of the first map before it is halved.
        out_scale (int): Side of the largest image.
        label_size (int): 0.
        base_channels (int): Maps of 4 pixels have half as many channels, and so on.
        channel_decay (float): Power of the 2 in that.
        max_channels (int): Limit of the channels.
        fused_upconv (bool): Whether the convolutions after each enlargement have weights as transposed ones. They learn
            at a rate for the channels of their output then.
        **others: Arguments that may have their released default only.

    Attributes:
        arguments (dict): Those of the :class:`~mmpe.models.pggan.GrowingGenerator` that this is.

    Raises:
        InputError: If an argument has a value that cannot work, or that mmpe has no counterpart for.
    """

    def __init__(
        self,
        noise_size: int | None = None,
        out_scale: int = 128,
        label_size: int = 0,
        base_channels: int = 8192,
        channel_decay: float = 1.0,
        max_channels: int = 512,
        fused_upconv: bool = True,
        upsample_cfg: dict | None = None,
        **others,
    ):
        given = dict(others, label_size=label_size, upsample_cfg=NEAREST | (upsample_cfg or {}))
        configs = dict(conv_module_cfg=None, fused_upconv_cfg=None, upsample_cfg=NEAREST)
        only_defaults(given, dict(configs, label_size=0, init_cfg=None, pretrained=None))
        check_whole(1, base_channels=base_channels, max_channels=max_channels)
        arguments = dict(
            out_size=out_scale,
            latent_channels=noise_size or min(base_channels, max_channels),
            base_channels=base_channels,
            max_channels=max_channels,
            channel_decay=channel_decay,
        )
        super().__init__(**arguments)
        self.arguments = arguments
        self._fused = fused_upconv
        if fused_upconv:
            for block in self.blocks:
                block.up.fan_in = 9 * block.up.out_channels
        names = _layer('head.linear', 'noise2feat.linear', bias=False) | _layer('first', 'conv_blocks.0.conv')
        names |= {'head_bias': 'noise2feat.bias'} | _pairs(len(self.blocks), 'up', 'conv')
        for i in range(len(self.to_rgb)):
            names |= _layer(f'to_rgb.{i}', f'torgb_layers.{i}.conv')
        self.released_names = names
        self.colour_axes = {name: 0 for name in names if name.startswith('to_rgb.')}

    def forward(self, z: Tensor, curr_scale: int | None = None, transition_weight: float = 1.0, **options) -> Tensor:
        """As :class:`~mmpe.models.pggan.GrowingGenerator` has it; a negative side is the largest."""
        return super().forward(z, _side(curr_scale), transition_weight, **options)

    def to_released(self, own: str, value: Tensor) -> Tensor:
        """An entry in its released shape."""
        if own == 'head.linear.weight':
            return value[..., 0, 0]
        return self._turned(own, value)

    def from_released(self, own: str, value: Tensor) -> Tensor:
        """An entry of the released shape in mmpe's."""
        if own == 'head.linear.weight':
            return value[..., None, None]
        return self._turned(own, value)

    def own_state_dict(self) -> dict[str, Tensor]:
        """What mmpe's network loads to do in RGB what this one does in BGR."""
        own = super().own_state_dict()
        for i, block in enumerate(self.blocks):
            # mmpe divides by the root of the fan-in, the released fused layers by that of the fan-out
            own[f'blocks.{i}.up.weight'] = block.up.weight * math.sqrt(9 * block.up.in_channels / block.up.fan_in)
        return own

    def _turned(self, own: str, value: Tensor) -> Tensor:
        """Weights of a convolution as those of a transposed one, and the other way round."""
        if own.endswith('.up.weight') and value.ndim == 4 and not self._fused:
            return value.transpose(0, 1).flip(2, 3)
        return value


@MODELS.register_module()
class PGGANDiscriminator(ConvertibleState, GrowingDiscriminator):
    """The released Progressive GAN discriminator, with the convolution that it has and does not run.

    Args:
        in_scale (int): Side of the largest pictures.
        label_size (int): 0.
        base_channels (int): Maps of 4 pixels have half as many channels, and so on.
        max_channels (int): Limit of the channels.
        in_channels (int): Channels of the pictures.
        channel_decay (float): Power of the 2 in that.
        mbstd_cfg (dict | None): ``group_size`` of the minibatch standard deviation, and defaults; None: without it.
        **others: Arguments that may have their released default only.

    Attributes:
        arguments (dict): Those of the :class:`~mmpe.models.pggan.GrowingDiscriminator` that this is.

    Raises:
        InputError: If an argument has a value that cannot work, or that mmpe has no counterpart for.
    """

    def __init__(
        self,
        in_scale: int,
        label_size: int = 0,
        base_channels: int = 8192,
        max_channels: int = 512,
        in_channels: int = 3,
        channel_decay: float = 1.0,
        mbstd_cfg: dict | None = dict(group_size=4),  # noqa: B006
        downsample_cfg: dict | None = None,
        **others,
    ):
        pool = dict(type='avgpool') if downsample_cfg is None else downsample_cfg
        configs = dict(conv_module_cfg=None, fused_convdown_cfg=None, fromrgb_layer_cfg=None)
        defaults = dict(configs, downsample_cfg=dict(type='avgpool'), fused_convdown=True, label_size=0)
        only_defaults(
            dict(others, label_size=label_size, downsample_cfg=pool), dict(defaults, init_cfg=None, pretrained=None)
        )
        arguments = dict(
            in_size=in_scale,
            base_channels=base_channels,
            max_channels=max_channels,
            channel_decay=channel_decay,
            in_channels=in_channels,
            group_size=None if mbstd_cfg is None else group_size(**_without_gathering(**mbstd_cfg)),
        )
        super().__init__(**arguments)
        self.arguments = arguments
        width = self.from_rgb[0].out_channels
        self.unused = Conv(width, width, 3)
        names = _layer('unused', 'conv_blocks.0.conv') | _pairs(len(self.blocks), 'conv', 'down')
        names |= _layer('hidden', 'decision.linear0') | _layer('score', 'decision.linear1')
        for i in range(len(self.from_rgb)):
            names |= _layer(f'from_rgb.{i}', f'fromrgb_layers.{i}.conv')
        self.released_names = names
        self.colour_axes = {f'from_rgb.{i}.weight': 1 for i in range(len(self.from_rgb))}

    def forward(self, x: Tensor, curr_scale: int | None = None, transition_weight: float = 1.0) -> Tensor:
        """As :class:`~mmpe.models.pggan.GrowingDiscriminator` has it; a negative side is the pictures'."""
        return super().forward(x, _side(curr_scale), transition_weight)

    def to_released(self, own: str, value: Tensor) -> Tensor:
        """An entry in its released shape, sharing its memory."""
        return value.flatten(1) if own in ('hidden.weight', 'score.weight') else value

    def from_released(self, own: str, value: Tensor) -> Tensor:
        """An entry of the released shape in mmpe's; what has another size is left for the strict check of shapes."""
        shape = dict(hidden=(-1, 4, 4), score=(-1, 1, 1)).get(own.partition('.')[0])
        if shape and own.endswith('.weight') and value.ndim == 2 and value.shape[1] % (shape[1] * shape[2]) == 0:
            return value.unflatten(1, shape)
        return value

    def own_state_dict(self) -> dict[str, Tensor]:
        """What mmpe's network loads to see in RGB what this one sees in BGR."""
        return {name: value for name, value in super().own_state_dict().items() if not name.startswith('unused.')}


def _without_gathering(gather_all_batch: bool = False, **others) -> dict:
    only_defaults(dict(gather_all_batch=gather_all_batch), dict(gather_all_batch=False))
    return others


@MODELS.register_module(name=['ProgressiveGrowingGAN', 'PGGAN'])
class ProgressiveGrowingGAN(ReleasedModel, PGGANModel):
    """The released Progressive GAN.

    Learning rates by side, which the released optimisers have (``lr_schedule``), are ``lr_factors`` here.

    Args:
        generator (dict): The generator.
        discriminator (dict | None): The discriminator.
        data_preprocessor (dict | None): None: :class:`~mmpe.compat.datasets.DataPreprocessor`.
        nkimgs_per_scale (Mapping): Side to thousands of images.
        noise_size (int | None): Channels of a latent; None: as the generator says.
        interp_real (dict | None): How pictures become those of a side; None: bilinear, without antialiasing.
        transition_kimgs (float): Thousands of images in which a new side's layers fade in.
        prev_stage (int): 0, as the stage follows from the images seen.
        ema_config (dict | None): See :func:`~mmpe.compat.adversarial.running_average`.
        lr_factors (Mapping | None): As :class:`~mmpe.models.pggan.PGGANModel` has it; not released.

    Raises:
        InputError: If an argument has a value that mmpe has no counterpart for, or the two networks do not fit.
    """

    def __init__(
        self,
        generator: dict,
        discriminator: dict | None = None,
        data_preprocessor: dict | None = None,
        nkimgs_per_scale: Mapping | None = None,
        noise_size: int | None = None,
        interp_real: dict | None = None,
        transition_kimgs: float = 600,
        prev_stage: int = 0,
        ema_config: dict | None = None,
        *,
        lr_factors: Mapping | None = None,
    ):
        only_defaults(dict(prev_stage=prev_stage), dict(prev_stage=0))
        super().__init__(
            with_noise_size(generator, noise_size),
            discriminator,
            kimgs_per_scale=nkimgs_per_scale,
            transition_kimgs=transition_kimgs,
            lr_factors=lr_factors,
            ema=running_average(ema_config),
            resize=interp_real or dict(mode='bilinear', align_corners=True),
            data_preprocessor=preprocessor(data_preprocessor),
        )

    def _take_released(self, state_dict: dict, prefix: str) -> None:
        super()._take_released(state_dict, prefix)
        place = {name: state_dict.pop(prefix + name) for name in PLACE if prefix + name in state_dict}
        if SHOWN in place:
            state_dict[prefix + 'images_seen'] = images_seen(place[SHOWN])


def images_seen(shown: Tensor) -> Tensor:
    """Images, of thousands of them as a released model counts."""
    return (1000 * shown.double()).round().long()
