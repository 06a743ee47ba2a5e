"""The non-saturating logistic loss of "Generative Adversarial Nets" (Goodfellow et al., NeurIPS 2014)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpe.registry import MODELS

from .separate import SeparateLoss


def non_saturating(scores: Tensor, real: bool) -> Tensor:
    """The mean cross-entropy, in nats, of logits ``scores`` with the label ``real``.

    The discriminator is trained with ``real=True`` on real images and with False on generated images. The generator is
    trained with True on generated images.

    Args:
        scores: (N, 1), the logits of being real. Half precision is converted to float32.
        real: The label of the images.

    Returns:
        A scalar, at least 0.

    >>> non_saturating(torch.zeros(4, 1), real=True)  # log 2: undecided
    tensor(0.6931)
    """
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    return F.softplus(-scores if real else scores).mean()


@MODELS.register_module()
class NonSaturatingLoss(SeparateLoss):
    """:func:`non_saturating`, for discriminator and generator.

    >>> MODELS.build(dict(type='NonSaturatingLoss')).of_scores(torch.zeros(4, 1), real=True)
    tensor(0.6931)
    """

    def of_scores(self, scores: Tensor, real: bool) -> Tensor:
        """See :func:`non_saturating`."""
        return non_saturating(scores, real)
