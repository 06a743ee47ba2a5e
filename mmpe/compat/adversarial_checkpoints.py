"""From the state dicts of released networks, a generator's, its running average's and a discriminator's, to mmpe's.

A released checkpoint holds them under ``generator.``, ``generator_ema.`` (mmagic 1.x: ``generator_ema.module.``) and
``discriminator.``. The released code reads pictures as BGR. Conversion swaps the channels of what sees or makes an
image, which gives the same pictures in RGB.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from mmpe.errors import InputError, as_input_error
from mmpe.models.adversarial import AdversarialModel
from mmpe.registry import MODELS

from .adversarial import with_noise_size
from .arguments import own_config
from .released_state import (
    Names,
    State,
    as_released,
    entries_below,
    is_released,
    load_strictly,
    own_entries,
    swap_colors,
)

_AVERAGES = ('generator_ema.module.', 'generator_ema.')
_HALF_LIFE = 10_000  # of a running average, for training that goes on; not in a checkpoint


@dataclass
class Networks:
    """What a released checkpoint holds: the state dicts of its networks, without their names, and of the model itself.

    Attributes:
        generator: The running average where there is no other.
        average: Of the generator.
        discriminator: None where there is none.
        model: Entries of no network.
    """

    generator: State
    average: State | None
    discriminator: State | None
    model: State


@dataclass
class Kind:
    """A kind of network: what a family's released generators, or discriminators, are in mmpe.

    Args:
        type: Of mmpe's network.
        tell: Gives the arguments of mmpe's network from a released state dict.
        names: What its entries are in a released state dict.
        release: Gives mmpe's network the released state dict, of which the one that is to be loaded may tell more;
            None: :func:`~mmpe.compat.released_state.as_released` does.
    """

    type: str
    tell: Callable[[State], dict]
    names: Names
    release: Callable[[nn.Module, State], nn.Module] | None = None

    def config(self, state: State) -> dict:
        """The config of mmpe's network, as far as weights tell it."""
        return dict(type=self.type, **self.tell(state))


@dataclass
class Family:
    """What becomes of a family's released networks.

    Args:
        mark: An entry that generators of the family have, and no others.
        model: Type of mmpe's model.
        generator, discriminator: Its networks.
    """

    mark: str
    model: str
    generator: Kind
    discriminator: Kind

    def find(self, state: State) -> Networks | None:
        """Take the released state dict of a whole checkpoint apart; None if it has no such generator."""
        average = next((prefix for prefix in _AVERAGES if prefix + self.mark in state), None)
        generator = 'generator.' if f'generator.{self.mark}' in state else average
        if generator is None:
            return None
        return Networks(
            entries_below(state, generator),
            entries_below(state, average) if average else None,
            entries_below(state, 'discriminator.') or None,
            {name: value for name, value in state.items() if '.' not in name},
        )

    def convert(self, networks: Networks, settings: dict | None, **more) -> tuple[AdversarialModel, dict]:
        """Build the model of released networks.

        Args:
            networks: Their state dicts.
            settings: The config that they were trained with, released or mmpe's; None: what the weights
                tell.
            **more: Further entries of the new model's config.

        Returns:
            In eval mode, with its config.

        Raises:
            InputError: If the weights do not fit the config, or it cannot be built.
        """
        trained_with = None if settings is None else settings.get('model') or {}
        states = dict(generator=networks.generator, discriminator=networks.discriminator)
        with as_input_error('the checkpoint cannot be converted'):
            pairs = {name: self._released(name, state, trained_with) for name, state in states.items() if state}
            ema = dict(half_life=_HALF_LIFE) if networks.average else None
            config = dict(type=self.model, **{name: own for name, (own, _) in pairs.items()}, ema=ema, **more)
            model = MODELS.build(config)
            if networks.average:
                states['generator_ema'], pairs['generator_ema'] = networks.average, pairs['generator']
            for name, (_, released) in pairs.items():
                own = getattr(model, name)
                load_strictly(released, states[name])
                load_strictly(own, own_entries(released, own))
                swap_colors(own, self._kind(name).names)
        return model.eval(), config

    def _released(self, name: str, state: State, trained_with: dict | None) -> tuple[dict, nn.Module]:
        """The config of mmpe's network, and a network with the released state dict."""
        kind = self._kind(name)
        config = kind.config(state) if trained_with is None else _configured(name, trained_with)
        network = MODELS.build(config)
        own = own_config(config, network, kind.type)
        if is_released(network):
            return own, network
        return own, kind.release(network, state) if kind.release else as_released(network, kind.names)

    def _kind(self, name: str) -> Kind:
        return self.discriminator if name == 'discriminator' else self.generator


def _configured(name: str, trained_with: dict) -> dict:
    """What a model's config, released or mmpe's, says of a network."""
    if not trained_with.get(name):
        raise InputError(f'the config has no model.{name}')
    config = trained_with[name]
    return with_noise_size(config, trained_with.get('noise_size')) if name == 'generator' else config
