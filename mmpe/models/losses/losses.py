"""All losses of a model, built from its config."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from functools import reduce

from torch import Tensor

from mmpe.errors import InputError, naming
from mmpe.numbers import shown
from mmpe.registry import MODELS

from .batches import DiscriminatorBatch, GeneratorBatch
from .loss import Loss, Term


class Losses(dict[str, Loss]):
    """The losses of a model by their names, computed in alphabetical order.

    The order of the config does not count. MMEngine writes dictionaries sorted, and the last bits of a sum depend on
    the order.

    Args:
        defaults: Configs of the model's own losses, by name.
        configs: The user's changes, by name. An entry with a ``type`` replaces the default of its name or adds a loss.
            An entry without a ``type`` changes arguments of the default. None removes it.
        batch_type: The kind of generator batch that the model makes.

    Raises:
        InputError: If a loss cannot be built, or needs another kind of batch.

    >>> losses = Losses(dict(r1=dict(type='R1Penalty', weight=10)), dict(r1=dict(interval=16)))
    >>> losses['r1'].weight, losses['r1'].interval
    (10, 16)
    """

    def __init__(self, defaults: Mapping, configs: Mapping | None = None, batch_type: type = GeneratorBatch):
        merged = {**defaults, **{name: _merged(name, defaults, config) for name, config in (configs or {}).items()}}
        super().__init__({name: _build(name, config, batch_type) for name, config in sorted(merged.items()) if config})

    @property
    def memory(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the tensors that losses remember, by their names in the model's state dict."""
        return {name: shape for loss in self.values() for name, shape in loss.memory.items()}

    @property
    def need_reals(self) -> bool:
        """Whether one of the generator's losses needs real pictures."""
        return any(loss.needs_reals for loss in self.values())

    def of_discriminator(self, batch: DiscriminatorBatch, iteration: int) -> list[Term]:
        """The terms of the discriminator's loss in an iteration."""
        return [term for loss in self._due(iteration) for term in loss.discriminator_terms(batch)]

    def of_generator(self, batch: GeneratorBatch, iteration: int) -> list[Term]:
        """The terms of the generator's loss in an iteration. The first is the sum of all losses of ``batch.fakes``."""
        due = self._due(iteration)

        def of_fakes() -> Tensor:
            # from the last loss on, as the last bits of a run depend on the order in which gradients are summed
            found = [value for loss in reversed(due) if (value := loss.loss_of_fakes(batch)) is not None]
            return reduce(operator.add, found) if found else 0 * batch.fakes.sum()

        of_fakes_due = any(type(loss).loss_of_fakes is not Loss.loss_of_fakes for loss in due)
        terms = [term for loss in due for term in loss.generator_terms(batch)]
        return [('loss_generator', of_fakes), *terms] if of_fakes_due else terms

    def remember(self, notes: Mapping[str, Sequence[Tensor]], memory: dict[str, Tensor]) -> None:
        """Let losses change their memory after a step of the generator, by their notes in its batches."""
        for name, found in notes.items():
            self[name].remember(found, memory)

    def _due(self, iteration: int) -> list[Loss]:
        return [loss for loss in self.values() if loss.is_due(iteration)]


def _merged(name: str, defaults: Mapping, config: Mapping | None) -> dict | None:
    if config is None:
        return None
    if not isinstance(config, Mapping):
        raise InputError(f'losses.{name}={shown(config)} cannot work: it must be a dict of arguments, or None')
    if 'type' not in config and name not in defaults:
        known = ', '.join(sorted(defaults))
        raise InputError(f'losses.{name} has no type, and is not one of the losses that the model has anyway: {known}')
    return dict(config) if 'type' in config else dict(defaults[name], **config)


def _build(name: str, config: dict, batch_type: type[GeneratorBatch]) -> Loss:
    with naming(f'losses.{name}'):
        loss = MODELS.build(config)
        if not isinstance(loss, Loss):
            raise InputError(f'a {type(loss).__name__} is not a loss')
        if not issubclass(batch_type, loss.batch_type):
            raise InputError(
                f'a {type(loss).__name__} needs {loss.batch_type.kind}, which this model does not have: leave it out'
            )
    loss.name = name
    return loss
