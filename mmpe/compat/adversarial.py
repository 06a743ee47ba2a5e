"""What the released models of a generator, its running average and a discriminator have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmpe.errors import InputError
from mmpe.models.resumable import State
from mmpe.registry import MODELS

from .arguments import takes_only
from .released_state import entries_below, rename_below

BILINEAR = dict(mode='bilinear', align_corners=True)  # how the released code resizes real pictures
_IMAGES_PER_UPDATE = 32  # what the released momenta are worked out for


class ReleasedState:
    """A model that loads a released state dict, which holds the networks alone and leaves all else as it is.

    Attributes:
        own_entry: An entry that state dicts of mmpe have, and released ones do not.
    """

    own_entry: str

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args) -> None:
        if prefix + self.own_entry not in state_dict:
            self._take_released(state_dict, prefix)
            for name, buffer in self.named_buffers(recurse=False):
                if name not in self._non_persistent_buffers_set:
                    state_dict.setdefault(prefix + name, buffer)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _take_released(self, state_dict: dict, prefix: str) -> None:
        """Give a released state dict the model's names, in place."""


class ReleasedModel(ReleasedState):
    """An :class:`~mmpe.models.adversarial.AdversarialModel` that takes released batches and state dicts.

    A released state dict may have either layout of the running average.

    Args:
        generator: The generator.
        discriminator: The discriminator.
        data_preprocessor: None: :class:`~mmpe.compat.datasets.DataPreprocessor`.
        noise_size: Channels of a latent; None: as the generator says.
        ema_config: See :func:`running_average`.
        own: Arguments of mmpe's model that only some families have.

    Raises:
        InputError: If an argument has a value that mmpe has no counterpart for, or the two networks do not fit.
    """

    own_entry = 'iteration'

    @takes_only(generator_steps=1, discriminator_steps=1, loss_config=None, prev_stage=0)
    def __init__(
        self,
        generator: dict,
        discriminator: dict | None = None,
        data_preprocessor: dict | None = None,
        noise_size: int | None = None,
        ema_config: dict | None = None,
        *,
        own: dict | None = None,
    ):
        super().__init__(
            with_noise_size(generator, noise_size),
            discriminator,
            ema=running_average(ema_config),
            data_preprocessor=preprocessor(data_preprocessor),
            **(own or {}),
        )

    def _pictures(self, data: dict) -> Tensor:
        """Pictures from data samples, or from the inputs; what a sample says is BGR becomes RGB."""
        samples = data.get('data_samples') or []
        drawn = [sample.gt_img for sample in samples if getattr(sample, 'gt_img', None) is not None]
        pictures = drawn or data['inputs']
        if isinstance(pictures, Mapping):
            pictures = pictures['img']
        if any('bgr' in _channel_orders(sample) for sample in samples):
            pictures = [picture.flip(0) for picture in pictures]
        return super()._pictures(dict(inputs=pictures))

    def own_state(self, state: State) -> dict[str, Tensor]:
        """A state dict under this model's names."""
        state = super().own_state(state)
        if self.own_entry not in state:
            self._take_released(state, '')
        return state

    def _take_released(self, state_dict: dict, prefix: str) -> None:
        """Give a released state dict the model's names, in place; one without a running average gets one."""
        start, average = f'{prefix}generator.', f'{prefix}generator_ema.'
        state_dict.pop(f'{average}steps', None)
        rename_below(state_dict, f'{average}module.', average)
        if self.generator_ema and not any(key.startswith(average) for key in state_dict):
            state_dict.update({average + name: value for name, value in entries_below(state_dict, start).items()})


def preprocessor(config: dict | None) -> BaseDataPreprocessor:
    """The released data preprocessor, built here, as MMEngine would look its name up in its own registry.

    >>> type(preprocessor(None)).__name__
    'DataPreprocessor'
    """
    return MODELS.build(config or dict(type='mmpe.DataPreprocessor'))


def running_average(config: dict | None) -> dict | None:
    """A released ``ema_config`` as mmpe's ``ema``.

    Args:
        config: ``ExponentialMovingAverage`` (the default type), whose momentum is read as for updates by
            32 images, or ``RampUpEMA``.

    Raises:
        InputError: If it is of another type, or an argument has a value that mmpe has no counterpart for.

    >>> running_average(dict(type='RampUpEMA', ema_kimg=10))
    {'half_life': 10000, 'ramp_up': 0.05}
    """
    if config is None:
        return None
    config = dict(config)
    name = config.pop('type', 'ExponentialMovingAverage')
    translate = dict(ExponentialMovingAverage=_plain, RampUpEMA=_ramped).get(str(name).rpartition('.')[2])
    if translate is None:
        raise InputError(f'ema_config of type {name!r} is not supported: it is ExponentialMovingAverage or RampUpEMA')
    return translate(**config)


@takes_only(interval=1, start_iter=0, update_buffers=False)
def _plain(momentum: float = 0.0002) -> dict:
    return dict(half_life=_IMAGES_PER_UPDATE * math.log(0.5) / math.log1p(-momentum))


# batch_size has no effect, as updates are counted by the images that they are made of.
@takes_only('batch_size', interval=1, start_iter=0, update_buffers=False, eps=1e-8)
def _ramped(ema_kimg: float = 10, ema_rampup: float | None = 0.05) -> dict:
    return dict(half_life=ema_kimg * 1000, ramp_up=ema_rampup)


def with_noise_size(generator: dict, noise_size: int | None) -> dict:
    """A released generator's config with what the model says of its latents.

    Raises:
        InputError: If the two differ.

    >>> with_noise_size(dict(type='DCGANGenerator'), 100)
    {'type': 'DCGANGenerator', 'noise_size': 100}
    """
    if noise_size is None:
        return generator
    own = generator.get('noise_size')
    if own not in (None, noise_size):
        raise InputError(f'noise_size={noise_size} of the model does not fit noise_size={own} of the generator')
    return dict(generator, noise_size=noise_size)


def _channel_orders(sample: object) -> list[str]:
    metainfo = getattr(sample, 'metainfo', {})
    return [str(metainfo.get(name)).lower() for name in ('gt_channel_order', 'img_channel_order')]
