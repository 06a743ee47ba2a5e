"""The gradient penalty of "Improved Training of Wasserstein GANs" (Gulrajani et al., NeurIPS 2017)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mmpe.registry import MODELS
from mmpe.second_derivatives import second_derivatives

from .batches import DiscriminatorBatch
from .chain_penalty import chain_penalty, is_plain_chain
from .loss import Loss, Term


def mix(real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """Where the penalty looks: ``share`` (N, 1, 1, 1) of ``real`` and the rest of ``fake``, both (N, C, H, W).

    >>> mix(torch.ones(1, 1, 1, 2), torch.zeros(1, 1, 1, 2), torch.tensor([[[[0.25]]]])).tolist()
    [[[[0.25, 0.25]]]]
    """
    return torch.lerp(fake, real, share)


def gradient_penalty(critic: Callable, x: Tensor) -> Tensor:
    """Mean over pixels of (|dD/dx| - 1)^2, the norm taken over channels at each pixel, as SinGAN has it.

    Args:
        critic: Maps (N, C, H, W) to scores. A plain chain of convolutions is differentiated twice in closed form
            (:mod:`~mmpe.models.losses.chain_penalty`), anything else by autograd, with the same result.
        x: (N, C, H, W), see :func:`mix`.

    Returns:
        A scalar; its ``backward`` reaches the critic's parameters.

    >>> gradient_penalty(lambda x: 3 * x.sum((1, 2, 3)), torch.zeros(2, 1, 2, 2))  # (3 - 1)^2 at each pixel
    tensor(4.)
    """
    if is_plain_chain(critic):
        return chain_penalty(critic.layers, x)
    return autograd_penalty(critic, x)


def autograd_penalty(critic: Callable, x: Tensor) -> Tensor:
    """:func:`gradient_penalty` of any critic, by differentiating the backward pass.

    >>> autograd_penalty(lambda x: 3 * x.sum((1, 2, 3)), torch.zeros(2, 1, 2, 2))
    tensor(4.)
    """
    x = x.detach().requires_grad_(True)
    with second_derivatives():
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (gradient.norm(2, dim=1) - 1).square().mean()


def image_gradient_penalty(critic: Callable, x: Tensor) -> Tensor:
    """Mean over images of (|dD/dx| - 1)^2, the norm taken over all of an image, as the paper has it.

    It runs outside autocast: what is small in the first derivative would be lost in the second.

    Args:
        critic: Maps (N, C, H, W) to scores, (N, 1).
        x: (N, C, H, W), see :func:`mix`.

    Returns:
        A scalar; its ``backward`` reaches the critic's parameters.

    >>> image_gradient_penalty(lambda x: 3 * x.sum((1, 2, 3)), torch.zeros(2, 1, 2, 2))  # a norm of 3 * sqrt(4)
    tensor(25.)
    """
    with second_derivatives(), torch.autocast(x.device.type, enabled=False):
        x = x.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        return (gradient.flatten(1).norm(2, dim=1) - 1).square().mean()


@MODELS.register_module()
class ImageGradientPenalty(Loss):
    """:func:`image_gradient_penalty` between real and generated images, for the discriminator.

    >>> MODELS.build(dict(type='ImageGradientPenalty', weight=10)).weight
    10
    """

    def penalty(self, critic: Callable, x: Tensor) -> Tensor:
        """See :func:`image_gradient_penalty`."""
        return image_gradient_penalty(critic, x)

    def discriminator_terms(self, batch: DiscriminatorBatch) -> list[Term]:
        """Of images between the real and the generated ones, as far as the batch's shares say."""

        def penalize() -> Tensor:
            between = mix(batch.reals, batch.fakes.to(batch.reals), batch.draw_shares())
            return self.factor * self.penalty(batch.critic, between)

        return [(self.logged_as, penalize)]


@MODELS.register_module()
class PixelGradientPenalty(ImageGradientPenalty):
    """:func:`gradient_penalty` between real and generated images, for the discriminator.

    >>> MODELS.build(dict(type='PixelGradientPenalty', weight=0.1)).weight
    0.1
    """

    def penalty(self, critic: Callable, x: Tensor) -> Tensor:
        """See :func:`gradient_penalty`."""
        return gradient_penalty(critic, x)
