"""From the state dicts of released networks, a generator's, its running average's and a discriminator's, to mmpe's.

A released checkpoint holds them under ``generator.``, ``generator_ema.`` (mmagic 1.x: ``generator_ema.module.``) and
``discriminator.``. The released code reads pictures as BGR. Conversion swaps the channels of what sees or makes an
image, which gives the same pictures in RGB.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from mmpe.errors import InputError, as_input_error
from mmpe.models.adversarial import AdversarialModel
from mmpe.registry import MODELS

from .adversarial import with_noise_size
from .own import own_network
from .released_state import ConvertibleState, entries_below

State = dict[str, Tensor]
_AVERAGES = ('generator_ema.module.', 'generator_ema.')
_HALF_LIFE = 10_000  # of a running average, for training that goes on; not in a checkpoint


@dataclass
class Networks:
    """What a released checkpoint holds: the state dicts of its networks, without their names, and of the model itself.

    Attributes:
        generator (dict[str, Tensor]): The running average where there is no other.
        average (dict[str, Tensor] | None): Of the generator.
        discriminator (dict[str, Tensor] | None): None where there is none.
        model (dict[str, Tensor]): Entries of no network.
    """

    generator: State
    average: State | None
    discriminator: State | None
    model: State


def released_networks(state: State, mark: str) -> Networks | None:
    """Take a released state dict apart.

    Args:
        state (dict[str, Tensor]): Of a whole checkpoint.
        mark (str): An entry that generators of the family have, and no others.

    Returns:
        Networks | None: None where there is no such generator.
    """
    average = next((prefix for prefix in _AVERAGES if prefix + mark in state), None)
    generator = 'generator.' if f'generator.{mark}' in state else average
    if generator is None:
        return None
    return Networks(
        entries_below(state, generator),
        entries_below(state, average) if average else None,
        entries_below(state, 'discriminator.') or None,
        {name: value for name, value in state.items() if '.' not in name},
    )


def load_strictly(network: nn.Module, state: State) -> None:
    """Load a state dict; raises InputError, in one line, if it has other names or shapes."""
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(f'the weights do not fit the config: {textwrap.shorten(str(error), 400)}') from error


@dataclass
class Family:
    """What tells a family's released networks, and what becomes of them.

    Args:
        model (str): Type of mmpe's model.
        own_types (dict[str, str]): Type of mmpe's generator and discriminator.
        tell (dict[str, Callable]): Each gives the released config of one of the two from its state dict.
    """

    model: str
    own_types: dict[str, str]
    tell: dict[str, Callable[[State], dict]]

    def convert(self, networks: Networks, settings: dict | None, **more) -> tuple[AdversarialModel, dict]:
        """Build the model of released networks.

        Args:
            networks (Networks): Their state dicts.
            settings (dict | None): The config that they were trained with, released or mmpe's; None: what the weights
                tell.
            **more: Further entries of the new model's config.

        Returns:
            tuple[AdversarialModel, dict]: In eval mode, with its config.

        Raises:
            InputError: If the weights do not fit the config, or it cannot be built.
        """
        trained_with = None if settings is None else settings.get('model') or {}
        states = dict(generator=networks.generator, discriminator=networks.discriminator)
        with as_input_error('the checkpoint cannot be converted'):
            configs = {name: self._config(name, state, trained_with) for name, state in states.items() if state}
            own = {name: own_network(config, self.own_types[name]) for name, config in configs.items()}
            ema = dict(half_life=_HALF_LIFE) if networks.average else None
            config = dict(type=self.model, **own, ema=ema, **more)
            model = MODELS.build(config)
            for name in configs:
                load_strictly(getattr(model, name), self._own_state(name, states[name], configs[name]))
            if networks.average:
                average = self._own_state('generator', networks.average, configs['generator'])
                load_strictly(model.generator_ema, average)
        return model.eval(), config

    def _config(self, name: str, state: State, trained_with: dict | None) -> dict:
        """A network's config, released or mmpe's."""
        if trained_with is None:
            return self.tell[name](state)
        if not trained_with.get(name):
            raise InputError(f'the config has no model.{name}')
        config = trained_with[name]
        return with_noise_size(config, trained_with.get('noise_size')) if name == 'generator' else config

    def _own_state(self, name: str, state: State, config: dict) -> State:
        """A network's released state dict as mmpe's network takes it."""
        network = MODELS.build(config)
        if not isinstance(network, ConvertibleState):  # mmpe's own, which only weights can tell the released one of
            network = MODELS.build(self.tell[name](state))
        load_strictly(network, state)
        return network.own_state_dict()


def count(state: State, prefix: str) -> int:
    """How many numbered parts there are under ``prefix``."""
    return len({name[len(prefix) :].split('.')[0] for name in state if name.startswith(prefix)})
