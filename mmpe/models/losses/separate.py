"""Adversarial losses that judge real and generated images apart."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from .batches import DiscriminatorBatch, GeneratorBatch
from .loss import Loss, Term


class SeparateLoss(Loss):
    """An adversarial loss in which scores of real images and of generated ones do not meet."""

    @abstractmethod
    def of_scores(self, scores: Tensor, real: bool) -> Tensor:
        """What the discriminator learns from scores of images that are ``real``, or are not; a scalar."""

    def of_fooled_scores(self, scores: Tensor) -> Tensor:
        """What the generator learns from the scores of its images; a scalar."""
        return self.of_scores(scores, real=True)

    def discriminator_terms(self, batch: DiscriminatorBatch) -> list[Term]:
        """Generated images first, then real ones."""
        return [
            ('loss_fake', lambda: self.factor * self.of_scores(batch.critic(batch.fakes), real=False)),
            ('loss_real', lambda: self.factor * self.of_scores(batch.critic(batch.reals), real=True)),
        ]

    def loss_of_fakes(self, batch: GeneratorBatch) -> Tensor:
        """See :meth:`of_fooled_scores`."""
        return self.factor * self.of_fooled_scores(batch.critic(batch.fakes))
