"""The R1 penalty of "Which Training Methods for GANs do actually Converge?" (Mescheder et al., ICML 2018)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor


def r1_penalty(critic: Callable, x: Tensor) -> Tensor:
    """Mean over images of |dD/dx|^2, the square summed over all pixels and channels.

    Under float16 autocast it is found in float32, as derivatives of derivatives go below float16's range. bfloat16 has
    float32's range, and autocast to it stays: that changes the penalty by less than 1 %.

    Args:
        critic (Callable): Maps (N, C, H, W) to scores, (N, 1), one of each image.
        x (Tensor): Real images (N, C, H, W), float32 or wider.

    Returns:
        Tensor: A scalar, float32 or wider; its ``backward`` reaches the critic's parameters.
    """
    x = x.detach().requires_grad_(True)
    with torch.autocast(x.device.type, enabled=False) if _casts_to_float16(x) else nullcontext():
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def _casts_to_float16(x: Tensor) -> bool:
    one = torch.ones(1, 1, device=x.device)  # asked of the arithmetic, as PyTorch has changed what else it asks of
    return (one @ one).dtype == torch.float16
