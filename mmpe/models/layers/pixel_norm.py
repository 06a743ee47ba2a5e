"""Pixel normalization."""

from __future__ import annotations

import torch
from torch import Tensor


def pixel_norm(x: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Bring the channels (N, C, ...) of every pixel to a root mean square of 1.

    From Karras et al., "Progressive Growing of GANs", ICLR 2018, section 4.2. ``epsilon`` is
    added to that root.

    >>> pixel_norm(torch.tensor([[3.0, 4.0]])).square().mean()
    tensor(1.0000)
    """
    return x / (torch.linalg.vector_norm(x, dim=1, keepdim=True) / x.shape[1] ** 0.5 + epsilon)
