"""Adversarial losses that judge real and generated images separately."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from .batches import DiscriminatorBatch, GeneratorBatch
from .loss import Loss, Term


class SeparateLoss(Loss):
    """An adversarial loss that is a sum of one term for real images and one for generated images."""

    @abstractmethod
    def of_scores(self, scores: Tensor, real: bool) -> Tensor:
        """The discriminator's loss, a scalar, of scores of real images (``real``) or of generated images."""

    def of_fooled_scores(self, scores: Tensor) -> Tensor:
        """The generator's loss, a scalar, of the scores of its images."""
        return self.of_scores(scores, real=True)

    def discriminator_terms(self, batch: DiscriminatorBatch) -> list[Term]:
        """The terms of generated images and of real images."""
        return [
            ('loss_fake', lambda: self.factor * self.of_scores(batch.critic(batch.fakes), real=False)),
            ('loss_real', lambda: self.factor * self.of_scores(batch.critic(batch.reals), real=True)),
        ]

    def loss_of_fakes(self, batch: GeneratorBatch) -> Tensor:
        """See :meth:`of_fooled_scores`."""
        return self.factor * self.of_fooled_scores(batch.critic(batch.fakes))
