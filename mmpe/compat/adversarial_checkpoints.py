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

    def networks(self, state: State) -> dict[str, State]:
        """Take the released state dict of a whole checkpoint apart.

        Returns:
            The state dict of each network, by its name in the model, the running average as the ``generator`` where
            there is no other; nothing if the checkpoint has no generator of the family.
        """
        average = next((prefix for prefix in _AVERAGES if prefix + self.mark in state), None)
        generator = 'generator.' if f'generator.{self.mark}' in state else average
        if generator is None:
            return {}
        prefixes = dict(generator=generator, discriminator='discriminator.', generator_ema=average)
        found = {name: entries_below(state, prefix) for name, prefix in prefixes.items() if prefix}
        return {name: entries for name, entries in found.items() if entries}

    def convert(self, state: State, settings: dict | None, **more) -> tuple[AdversarialModel, dict]:
        """Build the model of released networks.

        Args:
            state: The released state dict of a whole checkpoint.
            settings: The config that they were trained with, released or mmpe's; None: what the weights
                tell.
            **more: Further entries of the new model's config.

        Returns:
            In eval mode, with its config.

        Raises:
            InputError: If the weights do not fit the config, or it cannot be built.
        """
        trained_with = None if settings is None else settings.get('model') or {}
        networks = self.networks(state)
        ema = dict(half_life=_HALF_LIFE) if 'generator_ema' in networks else None
        with as_input_error('the checkpoint cannot be converted'):
            trained = {name: networks[name] for name in ('generator', 'discriminator') if name in networks}
            pairs = {name: self._released(name, entries, trained_with) for name, entries in trained.items()}
            config = dict(type=self.model, **{name: own for name, (own, _) in pairs.items()}, ema=ema, **more)
            model = MODELS.build(config)
            for name, entries in networks.items():
                own, kind = getattr(model, name), name.removesuffix('_ema')
                _, released = pairs[kind]
                load_strictly(released, entries)
                load_strictly(own, own_entries(released, own))
                swap_colors(own, getattr(self, kind).names)
        return model.eval(), config

    def _released(self, name: str, state: State, trained_with: dict | None) -> tuple[dict, nn.Module]:
        """The config of mmpe's network, and a network with the released state dict."""
        kind = getattr(self, name)
        config = kind.config(state) if trained_with is None else _configured(name, trained_with)
        network = MODELS.build(config)
        own = own_config(config, network, kind.type)
        if is_released(network):
            return own, network
        return own, kind.release(network, state) if kind.release else as_released(network, kind.names)


def _configured(name: str, trained_with: dict) -> dict:
    """What a model's config, released or mmpe's, says of a network."""
    if not trained_with.get(name):
        raise InputError(f'the config has no model.{name}')
    config = trained_with[name]
    return with_noise_size(config, trained_with.get('noise_size')) if name == 'generator' else config
