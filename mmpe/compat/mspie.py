"""The released StyleGAN2 models: their names and arguments, translated onto :mod:`mmpe.models.stylegan2`.

What the released training does otherwise is set here: it resizes real images bilinearly without antialiasing. Three
things mmpe leaves behind: scales were drawn uniformly, whatever their probabilities; one process trained a single
scale; pictures were BGR.

An argument that mmpe has no counterpart for may be given with its released default; any other value raises
:class:`~mmpe.errors.InputError`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from mmpe.errors import InputError
from mmpe.models.stylegan2 import StyleGAN2Model
from mmpe.registry import MODELS

from .arguments import only_defaults

_IMAGES_AN_UPDATE = 32  # what the released momenta are worked out for


@MODELS.register_module()
class StyleGAN2(StyleGAN2Model):
    """The released StyleGAN2.

    A released state dict holds the networks, in either layout of the running average, and leaves all else as it is.

    Args:
        generator (dict): The generator.
        discriminator (dict | None): The discriminator.
        data_preprocessor (dict | None): None: :class:`~mmpe.compat.datasets.DataPreprocessor`.
        generator_steps (int): Generator steps an iteration, 1.
        discriminator_steps (int): Discriminator steps an iteration, 1.
        ema_config (dict | None): ``ExponentialMovingAverage``, whose momentum is read as for updates by 32 images, or
            ``RampUpEMA``.
        loss_config (dict | None): Weights and intervals. Weights count the intervals in, and R1's the half.
        **others: Arguments that only another model has.

    Raises:
        InputError: If an argument has a value that mmpe has no counterpart for.
    """

    def __init__(
        self,
        generator: dict,
        discriminator: dict | None = None,
        data_preprocessor: dict | None = None,
        generator_steps: int = 1,
        discriminator_steps: int = 1,
        ema_config: dict | None = None,
        loss_config: dict | None = None,
        *,
        scales: dict | None = None,
        **others,
    ):
        steps = dict(generator_steps=1, discriminator_steps=1)
        only_defaults(
            dict(generator_steps=generator_steps, discriminator_steps=discriminator_steps) | others,
            steps,
        )
        super().__init__(
            generator,
            discriminator,
            scales=scales,
            ema=None if ema_config is None else _running_average(**ema_config),
            resize=dict(mode='bilinear', align_corners=True),
            # built here, as MMEngine would look the released name up in its own registry
            data_preprocessor=MODELS.build(data_preprocessor or dict(type='mmpe.DataPreprocessor')),
            **_regularisation(**(loss_config or {})),
        )
        self.mixing_probability = getattr(self.generator, 'mixing_probability', self.mixing_probability)

    def _pictures(self, data: dict) -> Tensor:
        """Pictures from data samples, or from the inputs; what a sample says is BGR becomes RGB."""
        samples = data.get('data_samples') or []
        pictures = [sample.gt_img for sample in samples if hasattr(sample, 'gt_img')] or data['inputs']
        if isinstance(pictures, Mapping):
            pictures = pictures['img']
        if any('bgr' in _channel_orders(sample) for sample in samples):
            pictures = [picture.flip(0) for picture in pictures]
        return super()._pictures(dict(inputs=pictures))

    def _load_from_state_dict(self, state_dict, prefix, *args):
        if prefix + 'iteration' not in state_dict:  # released
            _rename(state_dict, prefix, bool(self.generator_ema))
            for name, buffer in self._buffers.items():
                state_dict.setdefault(prefix + name, buffer)
        super()._load_from_state_dict(state_dict, prefix, *args)


@MODELS.register_module()
class MSPIEStyleGAN2(StyleGAN2):
    """The released multi-scale StyleGAN2.

    Args:
        *args, **kwargs: As :class:`StyleGAN2` has them.
        train_settings (dict | None): ``multi_input_scales`` and ``multi_scale_probability``, and ``num_upblocks``, the
            generator's own.

    Raises:
        InputError: As :class:`StyleGAN2`, and if the number of up-sampling blocks is not the generator's.
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


def _scales(multi_input_scales=None, multi_scale_probability=None, **others) -> dict:
    only_defaults(others, {})
    offsets = multi_input_scales or (0,)
    return dict(offsets=offsets, probabilities=multi_scale_probability or (1 / len(offsets),) * len(offsets))


def _regularisation(
    r1_loss_weight: float = 80.0,
    r1_interval: int = 16,
    g_reg_weight: float = 8.0,
    g_reg_interval: int = 4,
    pl_batch_shrink: int = 2,
    **others,
) -> dict:
    only_defaults(others, dict(norm_mode='HWC', r1_use_apex_amp=False, scale_r1_loss=False, g_reg_use_apex_amp=False))
    return dict(
        r1_weight=2 * r1_loss_weight / r1_interval,
        r1_interval=r1_interval,
        path_length_weight=g_reg_weight / g_reg_interval,
        path_length_interval=g_reg_interval,
        path_length_shrink=pl_batch_shrink,
    )


def _running_average(type: str, **config) -> dict:
    translate = dict(ExponentialMovingAverage=_plain, RampUpEMA=_ramped).get(str(type).rpartition('.')[2])
    if translate is None:
        raise InputError(f'ema_config of type {type!r} is not supported: it is ExponentialMovingAverage or RampUpEMA')
    return translate(**config)


def _plain(momentum: float = 0.0002, **others) -> dict:
    only_defaults(others, dict(interval=1, start_iter=0, update_buffers=False))
    return dict(half_life=_IMAGES_AN_UPDATE * math.log(0.5) / math.log1p(-momentum))


def _ramped(ema_kimg: float = 10, ema_rampup: float | None = 0.05, batch_size: int = 32, eps=1e-8, **others) -> dict:
    """``batch_size`` has no effect, as updates are counted by the images that they are made of."""
    only_defaults(others, dict(interval=1, start_iter=0, update_buffers=False))
    return dict(half_life=ema_kimg * 1000, ramp_up=ema_rampup)


def _channel_orders(sample) -> list[str]:
    metainfo = getattr(sample, 'metainfo', {})
    return [str(metainfo.get(name)).lower() for name in ('gt_channel_order', 'img_channel_order')]


def _rename(state_dict: dict, prefix: str, averaged: bool) -> None:
    """Entries of the model itself, of either release; a state dict without a running average gets one."""
    for key in [key for key in state_dict if key.startswith(prefix)]:
        name = key[len(prefix) :]
        if name == 'generator_ema.steps':
            del state_dict[key]
        elif name.startswith('generator_ema.module.'):
            state_dict[prefix + name.replace('.module.', '.', 1)] = state_dict.pop(key)
        elif name.endswith('.mean_path_length'):
            state_dict[prefix + 'mean_path_length'] = state_dict.pop(key)
    if averaged and not any(key.startswith(f'{prefix}generator_ema.') for key in state_dict):
        start = f'{prefix}generator.'
        copies = {f'{prefix}generator_ema.{k[len(start) :]}': v for k, v in state_dict.items() if k.startswith(start)}
        state_dict.update(copies)
