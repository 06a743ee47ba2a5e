"""The base class of losses: parts that a config names, and that declare what they need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from torch import Tensor

from mmpe.numbers import check_real, check_whole

from .batches import DiscriminatorBatch, GeneratorBatch

Term = tuple[str, Callable[[], Tensor]]  # its name in the log, and what computes it


class Loss:
    """A loss of the discriminator, of the generator, or of both.

    A subclass implements one or several of :meth:`discriminator_terms`, :meth:`loss_of_fakes` and
    :meth:`generator_terms`. Terms are computed and backpropagated one after another, and each is logged under its name.
    So terms do not share a graph. Losses of ``batch.fakes`` do share the graph of these images, and are summed first.
    A term that differentiates gradients computes the first ones within
    :func:`mmpe.second_derivatives.second_derivatives`. Terms may be replayed as CUDA graphs: they read no numbers from
    the device, and keep no state in Python.

    Args:
        weight: Factor of the loss, at least 0. With 0 the loss is not computed.
        interval: The loss is computed in every so many-th iteration, and multiplied by this number (StyleGAN2's lazy
            regularization).

    Attributes:
        name: Its name in the config's ``losses``.
        batch_type: The kind of generator batch that it needs.
        needs_reals: Whether it needs ``reals`` in the generator's batch.
        memory: Shapes of the tensors that it remembers between updates, by their names in the model's state dict.

    Raises:
        InputError: If the weight or the interval is not valid.

    >>> loss = Loss(weight=2.0, interval=4)
    >>> loss.factor, [loss.is_due(iteration) for iteration in range(5)]
    (8.0, [True, False, False, False, True])
    """

    name: str = 'loss'
    batch_type: ClassVar[type[GeneratorBatch]] = GeneratorBatch
    needs_reals: ClassVar[bool] = False
    memory: ClassVar[dict[str, tuple[int, ...]]] = {}

    def __init__(self, weight: float = 1.0, interval: int = 1):
        check_real(0, weight=weight)
        check_whole(1, interval=interval)
        self.weight, self.interval = weight, interval

    @property
    def factor(self) -> float:
        """What a computed loss is multiplied by."""
        return self.weight * self.interval

    @property
    def logged_as(self) -> str:
        """The name of its only term."""
        return f'loss_{self.name}'

    def is_due(self, iteration: int) -> bool:
        """Whether it is computed in an iteration, counted from 0."""
        return self.weight > 0 and iteration % self.interval == 0

    def discriminator_terms(self, batch: DiscriminatorBatch) -> Sequence[Term]:
        """The terms of the discriminator's loss."""
        return ()

    def loss_of_fakes(self, batch: GeneratorBatch) -> Tensor | None:
        """The generator's loss of ``batch.fakes``: a scalar, or None if there is none."""
        return None

    def generator_terms(self, batch: GeneratorBatch) -> Sequence[Term]:
        """The terms of the generator's loss of images other than ``batch.fakes``."""
        return ()

    def remember(self, notes: Sequence[Tensor], memory: dict[str, Tensor]) -> None:
        """Change the memory in place, after a step of the generator, by the notes of the terms in its batches."""
