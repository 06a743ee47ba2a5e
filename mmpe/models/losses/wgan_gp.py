"""The gradient penalty of "Improved Training of Wasserstein GANs" (Gulrajani et al., NeurIPS 2017)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .chain_penalty import chain_penalty, is_plain_chain


def mix(real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """Where the penalty looks: ``share`` (N, 1, 1, 1) of ``real`` and the rest of ``fake``, both (N, C, H, W)."""
    return torch.lerp(fake, real, share)


def gradient_penalty(critic: Callable, x: Tensor) -> Tensor:
    """Mean over pixels of (|dD/dx| - 1)^2, the norm taken over channels at each pixel, as SinGAN has it.

    Args:
        critic (Callable): Maps (N, C, H, W) to scores. A plain chain of convolutions is differentiated twice in closed
            form (:mod:`~mmpe.models.losses.chain_penalty`), anything else by autograd, with the same result.
        x (Tensor): (N, C, H, W), see :func:`mix`.

    Returns:
        Tensor: A scalar; its ``backward`` reaches the critic's parameters.
    """
    if is_plain_chain(critic):
        return chain_penalty(critic.layers, x)
    return autograd_penalty(critic, x)


def autograd_penalty(critic: Callable, x: Tensor) -> Tensor:
    """:func:`gradient_penalty` of any critic, by differentiating the backward pass."""
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (gradient.norm(2, dim=1) - 1).square().mean()
