"""The released SinGAN networks and models: their names and arguments, translated onto :mod:`mmpe.models.singan`.

Released scales are counted from zero (``num_scales=8`` means nine), and can be left out here, as they follow from the
picture.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmpe.engine import PerNetworkOptimWrapperConstructor
from mmpe.errors import InputError
from mmpe.models.singan import SinGANDiscriminator, SinGANGenerator, SinGANModel
from mmpe.models.singan.blocks import LEAKY_RELU, MOST_SCALES
from mmpe.numbers import check_whole, given
from mmpe.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS

from .adversarial import ReleasedState, preprocessor
from .arguments import built_of, only_defaults, takes_only
from .released_state import rename_below

TANH = dict(type='Tanh')
BATCH_NORM = dict(type='BN')
COMMON = dict(stride=1, init_cfg=None)
SAME = ('kernel_size', 'num_layers')
NOT_RELEASED = ('encoding', 'first_channels', 'noise_channels')


@MODELS.register_module()
@takes_only(**COMMON, padding=0, out_act_cfg=TANH, allow_no_residual=False, same=SAME + NOT_RELEASED)
def SinGANMultiScaleGenerator(
    in_channels: int,
    out_channels: int,
    num_scales: int | None = None,
    *,
    base_channels: int = 32,
    min_feat_channels: int = 32,
    border: dict = dict(type='mmpe.PadInputOnce', mode='zero'),  # noqa: B006
    **same,
) -> SinGANGenerator:
    """The released SinGAN generator, which pads each block's input with zeros.

    Args:
        in_channels: Channels of a block's input, 3.
        out_channels: Channels of the image, 3.
        num_scales: Number of the last scale, counted from zero.
        base_channels: Width of the first four blocks; it doubles every four scales, up to 128.
        min_feat_channels: Least width inside a block: ``base_channels``, as mmpe's blocks have one width.
        border: The ``padding`` of :class:`~mmpe.models.singan.SinGANGenerator`; not released.
        **same: As :class:`~mmpe.models.singan.SinGANGenerator` has them: ``kernel_size`` and ``num_layers``, and what
            is not released, ``encoding``, ``first_channels`` and ``noise_channels``. The released code keeps the last
            two in the model, so :class:`SinGAN` passes them on.

    >>> len(SinGANMultiScaleGenerator(in_channels=3, out_channels=3, num_scales=8).blocks)
    9
    """
    widths = dict(in_channels=in_channels, out_channels=out_channels, min_feat_channels=min_feat_channels)
    only_defaults(widths, dict(in_channels=3, out_channels=3, min_feat_channels=base_channels))
    own = dict(num_scales=_count(num_scales), padding=border, base_channels=base_channels)
    network = built_of(SinGANGenerator, **own, **same)
    network.register_load_state_dict_pre_hook(_rename_encoding)
    return network


def _rename_encoding(_, state: dict, prefix: str, *__) -> None:
    rename_below(state, f'{prefix}head_position_encode.', f'{prefix}encoding.')


@MODELS.register_module()
def SinGANMSGeneratorPE(
    *args,
    kernel_size: int = 3,
    padding: int = 0,
    padding_mode: str = 'zero',
    pad_at_head: bool = True,
    interp_pad: bool = False,
    noise_with_pad: bool = False,
    positional_encoding: dict | None = None,
    first_stage_in_channels: int | None = None,
    noise_channels: int = 1,
    **kwargs,
) -> SinGANGenerator:
    """The released SinGAN generator with a choice of padding and a positional encoding.

    Args:
        padding: Of every convolution: 0 with ``pad_at_head``, else what keeps the size.
        padding_mode: 'zero' or 'reflect'.
        pad_at_head: Whether each block's input is padded, and not the input of each convolution.
        interp_pad: Whether that is done by enlarging it; without effect unless ``pad_at_head``.
        noise_with_pad: Whether noise is drawn large enough not to need padding.
        positional_encoding: The encoding.
        first_stage_in_channels: Channels of the encoding; None: ``in_channels``.
        *args, kernel_size, noise_channels, **kwargs: As :func:`SinGANMultiScaleGenerator` has them.

    >>> network = SinGANMSGeneratorPE(3, 3, num_scales=1, interp_pad=True, noise_with_pad=True)
    >>> network.padding.margin
    5
    """
    network = SinGANMultiScaleGenerator(
        *args,
        kernel_size=kernel_size,
        noise_channels=noise_channels,
        border=_border(_reach(kernel_size), padding, padding_mode, pad_at_head, interp_pad, noise_with_pad),
        encoding=positional_encoding,
        **kwargs,
    )
    if (first_stage_in_channels or network.out_channels) != network.in_channels:
        raise InputError(
            f'first_stage_in_channels={first_stage_in_channels} cannot work: the first block sees '
            f'{network.in_channels} channels with positional_encoding={positional_encoding}'
        )
    return network


@MODELS.register_module()
@takes_only(**COMMON, act_cfg=LEAKY_RELU, same=(*SAME, 'padding', 'norm_cfg'))
def SinGANMultiScaleDiscriminator(
    in_channels: int, num_scales: int | None = None, *, base_channels: int = 32, min_feat_channels: int = 32, **same
) -> SinGANDiscriminator:
    """The released SinGAN discriminator.

    Args:
        in_channels: Channels of the image.
        num_scales, base_channels, min_feat_channels: As :func:`SinGANMultiScaleGenerator` has them.
        **same: As :class:`~mmpe.models.singan.SinGANDiscriminator` has them: ``kernel_size``, ``padding``,
            ``num_layers`` and ``norm_cfg``.

    >>> len(SinGANMultiScaleDiscriminator(in_channels=3, num_scales=8).blocks)
    9
    """
    only_defaults(dict(min_feat_channels=min_feat_channels), dict(min_feat_channels=base_channels))
    own = dict(in_channels=in_channels, num_scales=_count(num_scales), base_channels=base_channels)
    return built_of(SinGANDiscriminator, **own, **same)


@MODELS.register_module()
class SinGAN(ReleasedState, SinGANModel):
    """The released SinGAN: one noise channel at scale 0, three above.

    A released state dict holds the networks alone and leaves everything else as it is. Its colors are BGR.

    Args:
        generator: The generator.
        discriminator: The discriminator.
        data_preprocessor: None: :class:`~mmpe.compat.datasets.DataPreprocessor`.
        generator_steps: Generator steps per iteration.
        discriminator_steps: Discriminator steps per iteration.
        num_scales: Number of the last scale, counted from zero.
        iters_per_scale: Iterations per scale.
        noise_weight_init: Noise amplitude, in units of the reconstruction's error.
        lr_scheduler_args: ``milestones`` and ``gamma`` of the learning rate within a scale.
        test_pkl_data: Not supported, as an mmpe checkpoint needs nothing beside it.
        fixed_noise_with_pad: The generator's ``noise_with_pad``, once more.
        first_fixed_noises_ch: Channels of the noise at scale 0; 1 is spread over all that the block sees.

    Raises:
        InputError: If the arguments contradict each other, or one has a value that mmpe has no counterpart for.

    >>> model = SinGAN(dict(type='SinGANMultiScaleGenerator', in_channels=3, out_channels=3), noise_weight_init=0.05)
    >>> model.generator.first_channels, model.generator.noise_channels
    (1, 3)
    """

    own_entry = 'sizes'
    noise_channels = 3

    @takes_only(ema_confg=None)
    def __init__(
        self,
        generator: dict,
        discriminator: dict | None = None,
        data_preprocessor: dict | None = None,
        generator_steps: int = 1,
        discriminator_steps: int = 1,
        num_scales: int | None = None,
        iters_per_scale: int = 2000,
        noise_weight_init: float = 0.1,
        lr_scheduler_args: dict | None = None,
        test_pkl_data: str | None = None,
        *,
        fixed_noise_with_pad: bool = False,
        first_fixed_noises_ch: int = 1,
    ):
        if test_pkl_data is not None:
            raise InputError(
                f'test_pkl_data={test_pkl_data!r}: make one file of the checkpoint and its pickle with mmpe convert'
            )
        super().__init__(
            {'first_channels': first_fixed_noises_ch, 'noise_channels': self.noise_channels, **generator},
            discriminator,
            iters_per_scale=iters_per_scale,
            discriminator_steps=discriminator_steps,
            generator_steps=generator_steps,
            noise_weight=noise_weight_init,
            data_preprocessor=preprocessor(data_preprocessor),
            **_schedule(**(lr_scheduler_args or dict(milestones=()))),
        )
        self._check_scales(num_scales)
        if fixed_noise_with_pad != (self.generator.padding.margin > 0):
            raise InputError(
                f"fixed_noise_with_pad={fixed_noise_with_pad} of the model does not fit the generator's "
                f'noise_with_pad={not fixed_noise_with_pad}: both say whether noise is larger than its image'
            )

    def _check_scales(self, num_scales: int | None) -> None:
        networks = dict(generator=self.generator, discriminator=self.discriminator)
        said = {name: len(network.blocks) - 1 for name, network in networks.items() if network and network.blocks}
        if num_scales is not None:
            said['model'] = num_scales
        if len(set(said.values())) > 1:
            listed = ', '.join(f'{name} {value}' for name, value in said.items())
            raise InputError(f'num_scales must be the same everywhere, got {listed}; it can be left out')


@MODELS.register_module()
class PESinGAN(SinGAN):
    """The released SinGAN with a positional encoding: one noise channel above scale 0, fewer iterations by default.

    Args:
        *args, iters_per_scale, **kwargs: As :class:`SinGAN` has them.

    >>> PESinGAN(dict(type='SinGANMSGeneratorPE', in_channels=3, out_channels=3)).generator.noise_channels
    1
    """

    noise_channels = 1

    def __init__(self, *args, iters_per_scale: int = 200, **kwargs):
        super().__init__(*args, iters_per_scale=iters_per_scale, **kwargs)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class SinGANOptimWrapperConstructor(PerNetworkOptimWrapperConstructor):
    """The released name. Adam passes over parameters without a gradient, so one optimizer serves all scales."""


def _count(num_scales: int | None) -> int | None:
    check_whole(0, MOST_SCALES - 1, **given(num_scales=num_scales))
    return None if num_scales is None else num_scales + 1


def _reach(kernel_size: int) -> int:
    check_whole(1, kernel_size=kernel_size)
    return kernel_size // 2


def _border(
    reach: int, padding: int, padding_mode: str, pad_at_head: bool, interp_pad: bool, noise_with_pad: bool
) -> dict:
    """The padding that five released arguments stand for, of convolutions that eat ``reach`` pixels on each side."""
    if padding_mode not in ('zero', 'reflect'):
        raise InputError(f"padding_mode={padding_mode!r} is not supported: it is 'zero' or 'reflect'")
    if padding != (0 if pad_at_head else reach):
        raise InputError(
            f'padding={padding} cannot work with pad_at_head={pad_at_head}: images keep their size with '
            f'padding={reach} and pad_at_head=False, or with padding=0 and pad_at_head=True'
        )
    if not pad_at_head and noise_with_pad:
        raise InputError('noise_with_pad=True cannot work with pad_at_head=False: noise would be larger than its image')
    if not pad_at_head:
        return dict(type='mmpe.PadEachLayer', mode=padding_mode)
    mode = dict(type='interp', mode='bicubic') if interp_pad else padding_mode
    return dict(type='mmpe.OversizedNoise' if noise_with_pad else 'mmpe.PadInputOnce', mode=mode)


@takes_only()
def _schedule(milestones: Sequence[int], gamma: float = 0.1) -> dict:
    return dict(lr_milestones=milestones, lr_gamma=gamma)
