"""The R1 penalty of "Which Training Methods for GANs do actually Converge?" (Mescheder et al., ICML 2018)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor

from mmpe.registry import MODELS
from mmpe.second_derivatives import second_derivatives

from .batches import DiscriminatorBatch
from .loss import Loss, Term


def r1_penalty(critic: Callable, x: Tensor) -> Tensor:
    """Mean over images of |dD/dx|^2, the square summed over all pixels and channels.

    Under float16 autocast it is found in float32, as derivatives of derivatives go below float16's range. bfloat16 has
    float32's range, and autocast to it stays: that changes the penalty by less than 1 %.

    Args:
        critic: Maps (N, C, H, W) to scores, (N, 1), one per image.
        x: Real images (N, C, H, W), float32 or wider.

    Returns:
        A scalar, float32 or wider; its ``backward`` reaches the critic's parameters.

    >>> r1_penalty(lambda x: x.mean((1, 2, 3)), torch.zeros(2, 1, 2, 2))  # four pixels of slope 1/4
    tensor(0.2500)
    """
    x = x.detach().requires_grad_(True)
    in_float32 = torch.autocast(x.device.type, enabled=False) if _casts_to_float16(x) else nullcontext()
    with second_derivatives(), in_float32:
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def _casts_to_float16(x: Tensor) -> bool:
    one = torch.ones(1, 1, device=x.device)  # asked of the arithmetic, as PyTorch has changed what else it asks of
    return (one @ one).dtype == torch.float16


@MODELS.register_module()
class R1Penalty(Loss):
    """:func:`r1_penalty` on real images, for the discriminator.

    Args:
        weight: gamma; the loss is half of it times the penalty.
        interval: See :class:`~mmpe.models.losses.Loss`.

    >>> MODELS.build(dict(type='R1Penalty', weight=10, interval=16)).factor  # 10 / 2 * 16
    80.0
    """

    @property
    def factor(self) -> float:
        """With R1's half."""
        return self.weight / 2 * self.interval

    def images(self, batch: DiscriminatorBatch) -> Tensor:
        """Where the slope of the discriminator is penalized, (N, 3, H, W)."""
        return batch.reals

    def discriminator_terms(self, batch: DiscriminatorBatch) -> list[Term]:
        """See :func:`r1_penalty`."""
        return [(self.logged_as, lambda: self.factor * r1_penalty(batch.critic, self.images(batch)))]
