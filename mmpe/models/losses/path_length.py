"""The path length of "Analyzing and Improving the Image Quality of StyleGAN" (Karras et al., CVPR 2020)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def path_lengths(synthesize: Callable, styles: Tensor, noise: Tensor) -> Tensor:
    """How far images move when their styles do: the norms of J^T y of section 3.2, the Jacobian seen by noise images.

    It runs outside autocast: what is small in the first derivative would be lost in the second.

    Args:
        synthesize (Callable): Maps styles to images (N, 3, H, W).
        styles (Tensor): (N, L, C), float32 or wider, which require a gradient.
        noise (Tensor): Normal noise y, (N, 3, H, W). It is divided by the square root of H * W, so that the length does
            not depend on the size.

    Returns:
        Tensor: (N,), the norm over C, its square averaged over the L styles. ``backward`` reaches the parameters.
    """
    with torch.autocast(styles.device.type, enabled=False):
        images = synthesize(styles)
        y = noise / math.sqrt(images.shape[-2] * images.shape[-1])
        (gradient,) = torch.autograd.grad((images * y).sum(), styles, create_graph=True)
        return gradient.square().sum(dim=2).mean(dim=1).sqrt()


def path_length_penalty(lengths: Tensor, target: Tensor | float) -> Tensor:
    """Mean square of what lengths (N,) are off the ``target``, as equation 4 has it; a scalar."""
    return (lengths - target).square().mean()
