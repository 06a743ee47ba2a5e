"""Released SinGANs as mmpe's: one file that needs nothing beside it.

A released SinGAN is a ``.pth`` of two networks and a pickle of noises and amplitudes. Their shapes tell the model's
config, but for one part, which weights look the same with: how blocks pad. The released recipes pair it with what can
be seen:

========================================  ========================================  ================
first convolution's inputs                noise channels above scale 0              padding
========================================  ========================================  ================
3 (no encoding)                           3                                         ``PadInputOnce``
3 (no encoding)                           1 (drawn 5 pixels larger on each side)    ``OversizedNoise``
2 (CSG) or 4n (SPE of n pairs an axis)    1                                         ``PadEachLayer``
========================================  ========================================  ================

Any other recipe needs its config: another encoding, an encoding with another padding or with ``div_half_dim``, a
discriminator that pads, a generator of one scale without an encoding.

The released code reads pictures as BGR. Conversion swaps the channels of the convolutions that see or make an image,
which gives the same pictures in RGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmpe.datasets import read_picture, resize
from mmpe.errors import InputError, as_input_error
from mmpe.models.singan import SinGANModel
from mmpe.numbers import size_text
from mmpe.registry import MODELS

from .arguments import own_config
from .plain_pickle import read_pickle
from .released_state import Entry, State, count, entries_below, load_strictly, swap_colors

OWN_TYPES = dict(generator='SinGANGenerator', discriminator='SinGANDiscriminator')
NAMES = dict(
    generator={
        'blocks.0.head': 'blocks.0.head',  # it sees noise alone
        'blocks.{i}.head.conv.weight': Entry('blocks.{i}.head.conv.weight', colors=1),
        'blocks.{i}.tail.conv': Entry('blocks.{i}.tail.conv', colors=0),
    },
    discriminator={'blocks.{i}.head.conv.weight': Entry('blocks.{i}.head.conv.weight', colors=1)},
)
NEEDS_CONFIG = 'give the config that it was trained with, --config'


def is_singan(state: dict[str, Tensor]) -> bool:
    """Whether a released state dict is that of a SinGAN."""
    return 'generator.blocks.0.head.conv.weight' in state


def convert_singan(
    state: dict[str, Tensor], settings: dict | None, pickled: str | Path | None, picture: str | None
) -> tuple[SinGANModel, dict]:
    """Build the model of a released SinGAN.

    Args:
        state: The released state dict.
        settings: The config that it was trained with, released or mmpe's; see this module's description
            for who needs one.
        pickled: The released pickle that belongs to it; None is refused.
        picture: The picture that it was trained on. None: the reconstruction takes its place.

    Returns:
        In eval mode, with its config. Averaged weights, which no released SinGAN has, are
            left out.

    Raises:
        InputError: If there is no pickle, the files do not belong together, or a config is needed.
    """
    if not pickled:
        raise InputError('a released SinGAN is in two files: give the pickle of its noises too, --pickle')
    pyramid = read_pyramid(pickled)
    with as_input_error(f'it and {pickled} do not fit'):
        config = singan_config(state, pyramid, None if settings is None else settings.get('model', {}))
        model = _build(config, state, pyramid)
    _set_picture(model, picture)
    return model, config


def named_pickle(settings: dict) -> str | None:
    """The pickle that a config of mmagic 1.x or mmgeneration 0.x names, None if it names none."""
    model, test_cfg = settings.get('model') or {}, settings.get('test_cfg') or {}
    return model.get('test_pkl_data') or test_cfg.get('pkl_data')


# -------------------------------------------------------------------- the pickle


@dataclass
class Pyramid:
    """What the pickle beside a released SinGAN holds.

    Attributes:
        noises: (1, C, h, w), one per scale.
        weights: Amplitudes of the trained scales.
    """

    noises: list[Tensor]
    weights: list[float]


def read_pyramid(path: str | Path) -> Pyramid:
    """Read the pickle beside a released SinGAN.

    Raises:
        InputError: If there is no such file, it is not such a pickle, or what it holds contradicts itself.
    """
    content = read_pickle(path)
    with as_input_error(f'{path} is not the pickle of a released SinGAN'):
        noises = [np.asarray(noise) for noise in content['fixed_noises']]
        if sum(noise.nbytes for noise in noises) > 8 * Path(path).stat().st_size:  # a small number takes a byte
            raise InputError(f'{path} is not the pickle of a released SinGAN: its noises are not all in it')
        noises = [torch.tensor(noise, dtype=torch.float32) for noise in noises]
        weights = [float(weight) for weight in content['noise_weights']]
        trained = int(content['curr_stage']) + 1
    if not 0 < trained <= min(len(noises), len(weights)) or any(n.ndim != 4 or len(n) != 1 for n in noises):
        raise InputError(
            f'{path} is not the pickle of a released SinGAN: {trained} trained scales with {len(weights)} noise '
            f'weights and noises of {[tuple(noise.shape) for noise in noises]}'
        )
    if any(noise.any() for noise in noises[1:]):
        raise InputError(f'{path} has fixed noise above scale 0, where a SinGAN has none')
    return Pyramid(noises, weights[:trained])


# -------------------------------------------------------------------- the model


def singan_config(state: dict[str, Tensor], pyramid: Pyramid, trained_with: dict | None = None) -> dict:
    """Tell the config of a released SinGAN from its weights and noises.

    Args:
        state: The released state dict.
        pyramid: The released pickle.
        trained_with: The model's config, released or mmpe's, for what cannot be told.

    Returns:
        The config of a :class:`SinGANModel` of mmpe's own types.

    Raises:
        InputError: If the weights and noises do not belong together, or it cannot be told.
    """
    blocks = count(state, 'generator.blocks.')
    # One scale less than blocks is what mmagic's configs make: they pack one level of the pyramid too few.
    if len(pyramid.noises) not in (blocks, blocks - 1):
        raise InputError(
            f'the checkpoint has {blocks} scales and the pickle {len(pyramid.noises)}: they do not belong together'
        )
    networks = _inferred(state, pyramid) if trained_with is None else _configured(trained_with)
    if not any(key.startswith('discriminator.') for key in state):
        networks.pop('discriminator', None)
    for network in networks.values():
        network['num_scales'] = len(pyramid.noises)
    channels = [noise.shape[1] for noise in pyramid.noises]
    networks['generator'].update(zip(('first_channels', 'noise_channels'), channels))
    return dict(type='SinGANModel', **networks)


def _inferred(state: State, pyramid: Pyramid) -> dict[str, dict]:
    generator = _chain_shape(state, 'generator')
    encoding = _encoding(generator.pop('in_channels'))
    generator.update(encoding=encoding, padding=_padding(encoding, pyramid))
    networks = dict(generator=generator)
    if 'discriminator.blocks.0.head.conv.weight' in state:
        norm_cfg = dict(type='BN') if 'discriminator.blocks.0.head.bn.weight' in state else None
        networks['discriminator'] = dict(_chain_shape(state, 'discriminator'), norm_cfg=norm_cfg)
    return {name: dict(type=OWN_TYPES[name], **network) for name, network in networks.items()}


def _chain_shape(state: State, network: str) -> dict:
    block = f'{network}.blocks.0.'
    width, inputs, kernel_size, _ = state[f'{block}head.conv.weight'].shape
    body = [key for key in state if key.startswith(f'{block}body.') and key.endswith('.conv.weight')]
    return dict(in_channels=inputs, base_channels=width, kernel_size=kernel_size, num_layers=len(body) + 2)


def _encoding(channels: int) -> dict | None:
    if channels == 3:
        return None
    if channels == 2:
        return dict(type='CartesianGrid')
    if channels % 4:
        raise InputError(f'no released encoding has {channels} channels: {NEEDS_CONFIG}')
    return dict(type='SinusoidalEncoding', embedding_dim=channels // 2)


def _padding(encoding: dict | None, pyramid: Pyramid) -> dict:
    """As this module's description says."""
    channels = {noise.shape[1] for noise in pyramid.noises[1:]}
    if encoding and channels <= {1}:
        return dict(type='PadEachLayer')
    if not encoding and channels == {3}:
        return dict(type='PadInputOnce')
    if not encoding and channels == {1}:
        return dict(type='OversizedNoise')
    with_what = f'with {encoding["type"]}' if encoding else 'without an encoding'
    raise InputError(
        f'no released recipe {with_what} has {sorted(channels) or "no"} noise channels above scale 0: {NEEDS_CONFIG}'
    )


def _configured(trained_with: dict) -> dict[str, dict]:
    """The networks of a released or an mmpe config, as mmpe's own types."""
    if not trained_with.get('generator'):
        raise InputError('the config has no model.generator')
    with as_input_error('the config'):
        configs = {name: trained_with[name] for name in OWN_TYPES if trained_with.get(name)}
        return {name: own_config(config, MODELS.build(config), OWN_TYPES[name]) for name, config in configs.items()}


def _build(config: dict, state: State, pyramid: Pyramid) -> SinGANModel:
    model = MODELS.build(config)
    model.set_pyramid([model.generator.image_size(noise) for noise in pyramid.noises])
    for name in OWN_TYPES.keys() & config.keys():
        network = getattr(model, name)
        load_strictly(network, _network_state(state, name, len(pyramid.noises)), 'the noises or the config')
        swap_colors(network, NAMES[name])
    model.stage.fill_(len(pyramid.weights))
    model.noise_weights[: len(pyramid.weights)] = torch.tensor(pyramid.weights)
    model.fixed_noise.copy_(pyramid.noises[0])
    return model.eval()


def _network_state(state: State, network: str, scales: int) -> State:
    """The entries of one network without its name, as far as there are scales."""
    own = entries_below(state, f'{network}.')
    own.pop('head_position_encode._float_tensor', None)  # it only remembered a dtype and a device
    kept = tuple(f'blocks.{scale}.' for scale in range(scales))
    return {key: value for key, value in own.items() if key.startswith(kept) or not key.startswith('blocks.')}


def _set_picture(model: SinGANModel, path: str | None) -> None:
    height, width = model.sizes[-1].tolist()
    picture = model.reconstruct() if path is None else read_picture(path)
    rows, columns = picture.shape[-2:]
    if abs(rows * width - columns * height) > 2 * max(rows, columns):  # off by more than two pixels
        raise InputError(
            f'{path} is not the picture that this was trained on: {size_text((rows, columns))} is another shape than '
            f'{size_text((height, width))}'
        )
    model.picture.copy_(resize(picture, (height, width)).clamp(-1, 1))
