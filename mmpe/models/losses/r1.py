"""The R1 penalty of "Which Training Methods for GANs do actually Converge?" (Mescheder et al., ICML 2018)."""

from __future__ import annotations

from typing import Callable

import torch
from torch import Tensor


def r1_penalty(critic: Callable, x: Tensor) -> Tensor:
    """Mean over images of |dD/dx|^2, the square summed over all pixels and channels.

    It runs outside autocast: what is small in the first derivative would be lost in the second.

    Args:
        critic (Callable): Maps (N, C, H, W) to scores, (N, 1), one of each image.
        x (Tensor): Real images (N, C, H, W), float32 or wider.

    Returns:
        Tensor: A scalar; its ``backward`` reaches the critic's parameters.
    """
    with torch.autocast(x.device.type, enabled=False):
        x = x.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        return gradient.square().sum(dim=(1, 2, 3)).mean()
