"""The losses of Progressive GAN's training: Wasserstein's, with a gradient penalty and against drift."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def wasserstein(scores: Tensor, real: bool) -> Tensor:
    """How far scores (N, 1) are, on average, from what their images should be given: high if real, low if not."""
    return -scores.mean() if real else scores.mean()


def drift(scores: Tensor) -> Tensor:
    """Mean square of scores (N, 1), half of it: it keeps them about 0 (Progressive GAN, appendix A.1)."""
    return scores.square().mean() / 2


def image_gradient_penalty(critic: Callable, x: Tensor) -> Tensor:
    """Mean over images of (|dD/dx| - 1)^2, the norm taken over all of an image (Gulrajani et al., NeurIPS 2017).

    It runs outside autocast: what is small in the first derivative would be lost in the second.

    Args:
        critic (Callable): Maps (N, C, H, W) to scores, (N, 1).
        x (Tensor): (N, C, H, W), between real and generated images.

    Returns:
        Tensor: A scalar; its ``backward`` reaches the critic's parameters.
    """
    with torch.autocast(x.device.type, enabled=False):
        x = x.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        return (gradient.flatten(1).norm(2, dim=1) - 1).square().mean()
