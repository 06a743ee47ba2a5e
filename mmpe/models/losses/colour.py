"""How far the colours of random images are, over all of them, from the picture's."""

from __future__ import annotations

import torch
from torch import Tensor


def colours(images: Tensor) -> Tensor:
    """Mean and variance of each channel of (N, C, H, W), as (2, C), float32."""
    images = images.float()
    return torch.stack((images.mean((0, 2, 3)), images.var((0, 2, 3), correction=0)))


def colour_pull(image: Tensor, usual: Tensor, wanted: Tensor) -> Tensor:
    """The squared error between usual and wanted colours, to be differentiated by one of many images.

    An image may well be darker than the picture, as long as the next one is brighter: what is pulled by is not its own
    error but that of all, and by no more than its share.

    Args:
        image (Tensor): (N, C, H, W).
        usual (Tensor): :func:`colours` averaged over many such images, (2, C).
        wanted (Tensor): :func:`colours` of the picture, (2, C).

    Returns:
        Tensor: A scalar. Its gradient by the image is that of the squared error of channel means and standard
            deviations; its value says nothing.
    """
    error = _deviations(usual) - _deviations(wanted)
    return 2 * (error.detach() * _deviations(colours(image))).sum()


def _deviations(mean_and_variance: Tensor) -> Tensor:
    mean, variance = mean_and_variance
    return torch.stack((mean, variance.clamp_min(1e-6).sqrt()))
