"""What a loss is to a training rule: a part that a config names, and that says what it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from torch import Tensor

from mmpe.numbers import check_real, check_whole

from .batches import DiscriminatorBatch, GeneratorBatch

Term = tuple[str, Callable[[], Tensor]]  # its name in the log, and what computes it


class Loss:
    """A part of what the discriminator, the generator or both learn from.

    A subclass implements those of :meth:`discriminator_terms`, :meth:`loss_of_fakes` and :meth:`generator_terms` that
    it has. Terms are computed and propagated one after another, so no graph is shared between them, and each is logged
    under its name. What the generator learns from ``batch.fakes`` shares their graph: there all losses are summed. A
    term that differentiates gradients computes the first ones within
    :func:`mmpe.second_derivatives.second_derivatives`.

    Args:
        weight: Factor of the loss, at least 0. 0: the loss is not computed.
        interval: Iterations from one computation to the next, each of which counts as many times (StyleGAN2's lazy
            regularization).

    Attributes:
        name: Its name in the config's ``losses``.
        batch_type: What it needs to see of the generator's batch.
        needs_reals: Whether ``reals`` must be there in the generator's batch, too.
        memory: Shapes of what it remembers between updates, by their names in the model's state dict.

    Raises:
        InputError: If the weight or the interval cannot be used.

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
        """What the discriminator learns from."""
        return ()

    def loss_of_fakes(self, batch: GeneratorBatch) -> Tensor | None:
        """What the generator learns from ``batch.fakes``: a scalar, or None where there is nothing to learn."""
        return None

    def generator_terms(self, batch: GeneratorBatch) -> Sequence[Term]:
        """What the generator learns from, beside ``batch.fakes``."""
        return ()

    def remember(self, notes: Sequence[Tensor], memory: dict[str, Tensor]) -> None:
        """Change the memory in place, after a step of the generator, by what the terms have noted in its batches."""
