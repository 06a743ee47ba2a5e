"""The relativistic pairing loss of "The GAN is dead; long live the GAN!" (R3GAN, Huang et al., NeurIPS 2024)."""

from __future__ import annotations

import torch
from torch import Tensor

from mmpe.registry import MODELS

from .batches import DiscriminatorBatch, GeneratorBatch
from .loss import Loss, Term
from .non_saturating import non_saturating


def relativistic(scores: Tensor, others: Tensor) -> Tensor:
    """Mean of softplus(-(scores - others)): how far ``scores`` are from being above their partners (equation 2).

    For the discriminator, ``scores`` are those of real images, and ``others`` those of generated images. For the
    generator it is the other way round. Images are paired by their places in the batch.

    Args:
        scores: The scores that should be higher: one score per image, or a map of scores. Half precision is converted
            to float32.
        others: The scores of the partners, of the same shape.

    Returns:
        A scalar, at least 0.

    >>> relativistic(torch.tensor([[5.0]]), torch.tensor([[5.0]]))  # log 2, wherever both scores are
    tensor(0.6931)
    """
    wide = torch.promote_types(scores.dtype, torch.float32)
    return non_saturating(scores.to(wide) - others.to(wide), real=True)


@MODELS.register_module()
class RelativisticLoss(Loss):
    """:func:`relativistic`, for discriminator and generator, logged as ``loss_discriminator`` and ``loss_generator``.

    R3GAN pairs it with :class:`R1Penalty` and :class:`R2Penalty`, without which it need not converge.
    """

    needs_reals = True

    def discriminator_terms(self, batch: DiscriminatorBatch) -> list[Term]:
        """One term for both kinds of images."""

        def compare() -> Tensor:
            fake = batch.critic(batch.fakes)
            return self.factor * relativistic(batch.critic(batch.reals), fake)

        return [('loss_discriminator', compare)]

    def loss_of_fakes(self, batch: GeneratorBatch) -> Tensor:
        """Real images' scores are constants here: they take no gradients."""
        fake = batch.critic(batch.fakes)
        with torch.no_grad():
            real = batch.critic(batch.reals)
        return self.factor * relativistic(fake, real)
