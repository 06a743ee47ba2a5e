"""Batch normalization with a LeakyReLU, and its derivatives, in as few passes over memory as there can be.

One pass takes the statistics, and one is for the result. A derivative takes one for its sums, and one for itself.
Maps are channels last, on a CPU, in one type of numbers with their parameters.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from . import norm_loops


def normalize(x: Tensor, norm: nn.BatchNorm2d, slope: float) -> tuple[Tensor, FusedNorm]:
    """Normalize a map, and multiply by ``slope`` where the result is negative.

    Args:
        x: (N, C, H, W).
        norm: It is affine. In training its running statistics move.
        slope: Of the LeakyReLU.

    Returns:
        The result, (N, C, H, W), which autograd knows nothing of, and what its derivatives are found by.

    >>> y, fused = normalize(torch.tensor([-1.0, 1.0]).view(1, 1, 1, 2), nn.BatchNorm2d(1, eps=0.25), slope=0.5)
    >>> y.flatten(), fused.gradient(torch.ones(1, 1, 1, 2))[1].flatten()
    (tensor([-0.4472,  0.8944]), tensor([1.5000, 0.4472]))
    """
    mean, inv_std = np.empty((2, x.shape[1]), _numpy(x).dtype)
    by_own = norm.training or norm.running_mean is None
    fused = FusedNorm(x, norm.weight, norm.bias, slope, mean, inv_std, by_own)
    moves = norm.training and norm.track_running_stats and norm.running_mean is not None
    if norm.training and norm.track_running_stats and norm.num_batches_tracked is not None:
        norm.num_batches_tracked += 1
    tracked = (mean, mean) if norm.running_mean is None else (_numpy(norm.running_mean), _numpy(norm.running_var))
    y, number = torch.empty_like(fused.x), mean.dtype.type
    numbers = by_own, number(norm.eps), number(norm.momentum if moves else 0)
    norm_loops.normalize(fused.pixels, *fused.norm, *tracked, *numbers, _pixels(y))
    return y, fused


class FusedNorm:
    """The derivatives of what :func:`normalize` computes.

    Args:
        x: (N, C, H, W).
        weight: (C,).
        bias: (C,).
        slope: Of the LeakyReLU.
        mean: What has been normalized by, (C,).
        inv_std: Likewise.
        by_own: Whether these are the statistics of ``x``, and so depend on it.
    """

    def __init__(
        self, x: Tensor, weight: Tensor, bias: Tensor, slope: float, mean: np.ndarray, inv_std: np.ndarray, by_own: bool
    ):
        self.x, self.pixels = x.detach(), _pixels(x)
        self.norm = _numpy(weight), _numpy(bias), mean.dtype.type(slope), mean, inv_std
        self.others = slope, mean, inv_std, by_own  # beside what autograd keeps
        self._by_own = by_own

    def gradient(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients by x, and by bias and weight, (2, C), from that by the result."""
        found, sums = torch.empty_like(self.x), np.empty((2, self.x.shape[1]), self.pixels.dtype)
        norm_loops.gradient(_pixels(grad), self.pixels, *self.norm, self._by_own, sums, _pixels(found))
        return found, torch.from_numpy(sums)

    def tangent(self, dx: Tensor, adjoint: Tensor) -> tuple[Tensor, Tensor]:
        """The direction dy of the result for a direction ``dx`` of x, where x is normalized by its own.

        Args:
            dx: (N, C, H, W).
            adjoint: A gradient by the result.

        Returns:
            dy, and the sums over pixels, (3, C), of dx, of dx times the normalized map, and of dx times the gradient by
            what the LeakyReLU is applied to.
        """
        dy, sums = torch.empty_like(self.x), np.empty((3, self.x.shape[1]), self.pixels.dtype)
        norm_loops.tangent(_pixels(dx), self.pixels, _pixels(adjoint), *self.norm, sums, _pixels(dy))
        return dy, torch.from_numpy(sums)

    def second_gradient(
        self, adjoint: Tensor, dx: Tensor, adjoint_sums: Tensor, tangent_sums: Tensor, grad: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The gradients of <adjoint, dy>, and of what depends on the result, by x, and by bias and weight, (2, C).

        Args:
            adjoint: As for :meth:`tangent`.
            dx: The same.
            adjoint_sums: What :meth:`gradient` has found for bias and weight by ``adjoint``.
            tangent_sums: The sums that :meth:`tangent` has found.
            grad: The gradient by the result; None for 0.
        """
        found, by_norm = torch.empty_like(self.x), torch.empty_like(adjoint_sums)
        maps = (_pixels(each) for each in (adjoint, dx, adjoint if grad is None else grad))
        sums = adjoint_sums.numpy(), tangent_sums.numpy()
        share = self.pixels.dtype.type(grad is not None)
        norm_loops.reverse(*maps, share, self.pixels, *self.norm, *sums, by_norm.numpy(), _pixels(found))
        return found, by_norm


def _numpy(x: Tensor) -> np.ndarray:
    return x.detach().numpy()


def _pixels(x: Tensor) -> np.ndarray:
    """A map (N, C, H, W), channels last: (pixels, C)."""
    return np.ascontiguousarray(_numpy(x).transpose(0, 2, 3, 1)).reshape(-1, x.shape[1])
