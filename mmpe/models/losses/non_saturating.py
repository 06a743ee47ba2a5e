"""The non-saturating logistic loss of "Generative Adversarial Nets" (Goodfellow et al., NeurIPS 2014)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def non_saturating(scores: Tensor, real: bool) -> Tensor:
    """How surprising it is, in nats and on average, that images with these scores are ``real``, or are not.

    The discriminator learns from real images with ``real=True`` and from generated ones with False; the generator
    learns from generated ones with True.

    Args:
        scores (Tensor): (N, 1), any real numbers: the logits of being real. Half precision is taken up to float32.
        real (bool): What they are to be.

    Returns:
        Tensor: A scalar, at least 0.
    """
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    return F.softplus(-scores if real else scores).mean()
