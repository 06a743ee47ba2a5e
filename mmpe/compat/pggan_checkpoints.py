"""Released Progressive GAN checkpoints as mmpe's.

Their weights tell the networks, but for two things that are the same in every recipe: groups of four in the minibatch
statistics, and fused layers, where all maps have the same width. A model that has not grown up yet stands somewhere in
a schedule, which weights do not tell. Whatever is otherwise needs the config that it was trained with.
"""

from __future__ import annotations

import torch

from mmpe.errors import InputError
from mmpe.models.pggan import PGGANModel

from .adversarial_checkpoints import Family, Kind
from .pggan import (
    DISCRIMINATOR,
    GENERATOR,
    SHOWN,
    images_seen,
    release_discriminator,
    release_generator,
)
from .released_state import State, count

MARK = 'noise2feat.linear.weight_orig'
WEIGHT = 'conv.weight_orig'
_RELEASED_TRANSITION = 600
_TOLERANCE = 0.05  # of a transition's weight: the released ones start with the first batch past the mark


def _generator(state: State) -> dict:
    widths = _generator_widths(state)
    return dict(out_size=2 << len(widths), latent_channels=state[MARK].shape[1], **_widths(widths))


def _generator_widths(state: State) -> list[int]:
    return [state[f'torgb_layers.{i}.{WEIGHT}'].shape[1] for i in range(count(state, 'torgb_layers.'))]


def _is_fused(state: State) -> bool:
    """Whether weights after an enlargement have the channels of the input first, as transposed convolutions have."""
    widths = _generator_widths(state)
    changing = [i for i, width in enumerate(widths[1:]) if width != widths[i]]
    return not changing or state[f'conv_blocks.{2 * changing[0] + 1}.{WEIGHT}'].shape[0] == widths[changing[0]]


def _discriminator(state: State) -> dict:
    layers = [state[f'fromrgb_layers.{i}.{WEIGHT}'] for i in range(count(state, 'fromrgb_layers.'))]
    widths = [layer.shape[0] for layer in layers]
    hidden, inputs = state['decision.linear0.weight_orig'].shape
    return dict(
        in_size=2 << len(layers),
        in_channels=layers[0].shape[1],
        group_size=4 if inputs > 16 * widths[0] else None,
        **dict(_widths(widths), max_channels=hidden),
    )


def _widths(widths: list[int]) -> dict:
    """What halves a width with every side up to the last, from the largest on."""
    return dict(base_channels=widths[-1] << len(widths), max_channels=widths[0])


class _ProgressiveGAN(Family):
    def convert(self, state: State, settings: dict | None) -> tuple[PGGANModel, dict]:
        """Build the model, which stands where the checkpoint says, or at the end if that does not say it."""
        if SHOWN not in state:
            return super().convert(state, settings)
        model, config = super().convert(state, settings, **_schedule(settings or {}))
        model.images_seen.copy_(images_seen(state[SHOWN]))
        _check_place(model, state)
        return model, config


def _schedule(settings: dict) -> dict:
    """The schedule that a config of mmagic 1.x, of mmgeneration 0.x or of mmpe says, if any."""
    said = {**(settings.get('train_cfg') or {}), **(settings.get('model') or {})}
    kimgs = said.get('nkimgs_per_scale') or said.get('kimgs_per_scale')
    if not kimgs:
        return {}
    return dict(kimgs_per_scale=dict(kimgs), transition_kimgs=said.get('transition_kimgs', _RELEASED_TRANSITION))


def _check_place(model: PGGANModel, state: State) -> None:
    seen, growth = int(model.images_seen), model.growth
    side = int(state.get('_curr_scale_int', torch.tensor(growth.scale(seen))))
    weight = float(state.get('_curr_transition_weight', 1))
    planned, planned_weight = growth.scale(seen), growth.transition_weight(seen)
    if side != planned or abs(weight - planned_weight) > _TOLERANCE:
        raise InputError(
            f'after {seen} images the checkpoint is at {side} pixels, faded in by {weight:.2f}, and not at {planned}, '
            f'by {planned_weight:.2f}: give the config that it was trained with, --config'
        )


PGGAN = _ProgressiveGAN(
    MARK,
    'PGGANModel',
    generator=Kind(
        'GrowingGenerator',
        _generator,
        GENERATOR,
        lambda network, state: release_generator(network, _is_fused(state)),
    ),
    discriminator=Kind(
        'GrowingDiscriminator', _discriminator, DISCRIMINATOR, lambda network, _: release_discriminator(network)
    ),
)
