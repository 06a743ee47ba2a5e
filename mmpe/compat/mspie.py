"""The released StyleGAN2 models: their names and arguments, translated onto :mod:`mmpe.models.stylegan2`.

What the released training does otherwise is set here: it resizes real images bilinearly without antialiasing. Three
things mmpe leaves behind: scales were drawn uniformly, whatever their probabilities; one process trained a single
scale; pictures were BGR.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmpe.errors import InputError
from mmpe.models.stylegan2 import StyleGAN2Model
from mmpe.registry import MODELS

from .adversarial import BILINEAR, ReleasedModel
from .arguments import takes_only


@MODELS.register_module()
class StyleGAN2(ReleasedModel, StyleGAN2Model):
    """The released StyleGAN2.

    Args:
        *args, **kwargs: As :class:`~mmpe.compat.adversarial.ReleasedModel` has them.
        loss_config: Weights and intervals. Weights count the intervals in, and R1's the half.
        scales: As :class:`~mmpe.models.stylegan2.StyleGAN2Model` has it; not released.

    >>> generator = dict(type='StyleGAN2Generator', out_size=16, style_channels=8, num_mlps=2, max_channels=8)
    >>> StyleGAN2(generator, loss_config=dict(r1_loss_weight=80, r1_interval=16)).losses['r1'].weight
    10.0
    """

    def __init__(self, *args, loss_config: dict | None = None, scales: dict | None = None, **kwargs):
        super().__init__(
            *args, own=dict(scales=scales, resize=BILINEAR, losses=_losses(**(loss_config or {}))), **kwargs
        )
        self.mixing_probability = getattr(self.generator, 'mixing_probability', self.mixing_probability)

    def _take_released(self, state_dict: dict, prefix: str) -> None:
        super()._take_released(state_dict, prefix)
        for key in [key for key in state_dict if key.startswith(prefix) and key.endswith('.mean_path_length')]:
            state_dict[prefix + 'mean_path_length'] = state_dict.pop(key)


@MODELS.register_module()
class MSPIEStyleGAN2(StyleGAN2):
    """The released multi-scale StyleGAN2.

    Args:
        *args, **kwargs: As :class:`StyleGAN2` has them.
        train_settings: ``multi_input_scales`` and ``multi_scale_probability``, and ``num_upblocks``, the
            generator's own.

    Raises:
        InputError: As :class:`StyleGAN2`, and if the number of up-sampling blocks is not the generator's.

    >>> generator = dict(type='MSStyleGANv2Generator', out_size=16, style_channels=8, num_mlps=2, max_channels=8)
    >>> MSPIEStyleGAN2(generator, train_settings=dict(multi_input_scales=[0, 2])).sizes
    [(16, 16), (24, 24)]
    """

    def __init__(self, *args, train_settings: dict | None = None, **kwargs):
        settings = dict(train_settings or {})
        num_upblocks = settings.pop('num_upblocks', None)
        super().__init__(*args, scales=_scales(**settings), **kwargs)
        if num_upblocks not in (None, self.generator.num_upsamplings):
            raise InputError(
                f'num_upblocks={num_upblocks} of train_settings does not fit the generator, which doubles its grid '
                f'{self.generator.num_upsamplings} times: leave it out'
            )


@takes_only()
def _scales(
    multi_input_scales: Sequence[int] | None = None, multi_scale_probability: Sequence[float] | None = None
) -> dict:
    offsets = multi_input_scales or (0,)
    return dict(offsets=offsets, probabilities=multi_scale_probability or (1 / len(offsets),) * len(offsets))


@takes_only(norm_mode='HWC', r1_use_apex_amp=False, scale_r1_loss=False, g_reg_use_apex_amp=False)
def _losses(
    r1_loss_weight: float = 80.0,
    r1_interval: int = 16,
    g_reg_weight: float = 8.0,
    g_reg_interval: int = 4,
    pl_batch_shrink: int = 2,
) -> dict:
    path_length = dict(weight=g_reg_weight / g_reg_interval, interval=g_reg_interval, shrink=pl_batch_shrink)
    return dict(r1=dict(weight=2 * r1_loss_weight / r1_interval, interval=r1_interval), path_length=path_length)
