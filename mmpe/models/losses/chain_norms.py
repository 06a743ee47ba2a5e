"""What follows a convolution in a chain, in the four sweeps of its gradient penalty.

See :mod:`~mmpe.models.losses.chain_penalty`. After a convolution's h comes a = norm(h), and after that y = act(a).
``adjoint`` carries dD/dy down to dD/dh, ``tangent`` a direction dh up to dy, and ``reverse`` the penalty's gradient by
y down to that by h, with those by the norm's weight and bias. They are called in this order, once each, and may
overwrite what they are given.

With n = (h - mean) / std, J u = gamma / std * (u - E[u] - n E[n u]). The derivative by h of <g, J dh>, for the adjoint
g of da, is::

    -J(E[n dh] g + E[n g] dh) / std - gamma / std^2 * n * (E[g dh] - E[g] E[dh] - E[n g] E[n dh])

So one J serves for both of what flows in reverse: for this, and for what comes through a.
"""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from ..layers.fast_norm import is_fused
from ..layers.faster_on_cpu import compiled_module

aten = torch.ops.aten


def after_convolution(
    h: Tensor, norm: nn.BatchNorm2d | None, activation: nn.LeakyReLU | None
) -> Activated | NormedAndActivated | Fused:
    """What follows a convolution's result ``h``, (N, C, H, W), which may be overwritten.

    >>> after_convolution(torch.tensor([-1.0, 1.0]).view(1, 1, 1, 2), None, nn.LeakyReLU(0.5)).y.tolist()
    [[[[-0.5, 1.0]]]]
    """
    slope = None if activation is None else activation.negative_slope
    if norm is None:
        return Activated(h, slope)
    if is_fused(h, norm, activation):
        return Fused(h, norm, slope)
    return NormedAndActivated(h, norm, slope)


class Activated:
    """y = act(h), or y = h if ``slope`` is None.

    >>> Activated(torch.ones(1, 1, 1, 1), None).y.item()
    1.0
    """

    def __init__(self, h: Tensor, slope: float | None):
        self._slope = slope
        self.y = h if slope is None else F.leaky_relu_(h, slope)

    def adjoint(self, grad_y: Tensor) -> Tensor:
        """dD/dh, from dD/dy."""
        return _through_act(grad_y, self.y, self._slope)

    def tangent(self, dh: Tensor) -> Tensor:
        """dy."""
        return _through_act(dh, self.y, self._slope)

    def reverse(self, grad_y: Tensor | None) -> tuple[Tensor | None, list[Tensor]]:
        """The gradient by h, and no others."""
        return None if grad_y is None else _through_act(grad_y, self.y, self._slope), []


class NormedAndActivated:
    """y = act(norm(h)) by PyTorch's operators, or y = norm(h) if ``slope`` is None.

    >>> NormedAndActivated(torch.randn(1, 2, 3, 3), nn.BatchNorm2d(2), 0.2).y.shape
    torch.Size([1, 2, 3, 3])
    """

    def __init__(self, h: Tensor, norm: nn.BatchNorm2d, slope: float | None):
        self._h, self._norm, self._slope = h, norm, slope
        self._pixels = h.numel() // h.shape[1]
        moving = (norm.running_mean, norm.running_var) if norm.track_running_stats else (None, None)
        if norm.track_running_stats and norm.num_batches_tracked is not None:
            norm.num_batches_tracked += 1
        a, self._mean, self._inv_std = aten.native_batch_norm(
            h, norm.weight, norm.bias, *moving, True, norm.momentum, norm.eps
        )
        self.y = a if slope is None else F.leaky_relu_(a, slope)

    def adjoint(self, grad_y: Tensor) -> Tensor:
        """dD/dh, from dD/dy."""
        self._adjoint_a = _through_act(grad_y, self.y, self._slope)
        adjoint_h, self._adjoint_means = self._through_norm(self._adjoint_a)
        return adjoint_h

    def tangent(self, dh: Tensor) -> Tensor:
        """dy."""
        self._dh = dh
        da, self._tangent_means = self._through_norm(dh)
        return _through_act(da, self.y, self._slope)

    def reverse(self, grad_y: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """The gradients by h, and by the norm's weight and bias."""
        grad_a = None if grad_y is None else _through_act(grad_y, self.y, self._slope)
        (n_g, g), (n_dh, dh) = self._adjoint_means, self._tangent_means
        by_g, by_dh = -self._inv_std * n_dh, -self._inv_std * n_g
        by_n = self._inv_std * (self._covariance(self._adjoint_a, self._dh, dh) - n_g * n_dh)
        u = self._adjoint_a.mul_(_spread(by_g, self._h))
        u.addcmul_(self._dh, _spread(by_dh, self._h))
        if grad_a is not None:
            u += grad_a
        grad_h, (n_u, mean_u) = self._through_norm(u)
        grad_h += self._normal(-self._norm.weight * self._inv_std * by_n)
        if grad_a is None:
            return grad_h, [self._pixels * by_n, torch.zeros_like(mean_u)]
        n_a, a = n_u - by_g * n_g - by_dh * n_dh, mean_u - by_g * g - by_dh * dh
        return grad_h, [self._pixels * (by_n + n_a), self._pixels * a]

    def _normal(self, factor: Tensor) -> Tensor:
        """``factor``, one per channel, times n."""
        variance = self._inv_std.square().reciprocal()
        return aten.native_batch_norm(self._h, factor, None, self._mean, variance, False, 0.0, 0.0)[0]

    def _covariance(self, u: Tensor, v: Tensor, mean_v: Tensor) -> Tensor:
        """E[u v] - E[u] E[v] per channel, by the kernel that sums u (v - mean)."""
        one = torch.ones_like(mean_v)
        found = aten.native_batch_norm_backward(u, v, one, None, None, mean_v, one, True, 0.0, [False, True, False])
        return found[1] / self._pixels

    def _through_norm(self, u: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """J u, with the means over pixels (E[n u], E[u])."""
        norm = self._norm
        out, n_u, sum_u = aten.native_batch_norm_backward(
            u, self._h, norm.weight, None, None, self._mean, self._inv_std, True, norm.eps, [True, True, True]
        )
        return out, (n_u / self._pixels, sum_u / self._pixels)


class Fused:
    """y = act(norm(h)) by :mod:`mmpe.models.layers.fused_norm`.

    >>> h = torch.randn(1, 64, 50, 50).contiguous(memory_format=torch.channels_last)
    >>> Fused(h, nn.BatchNorm2d(64), 0.2).y.shape
    torch.Size([1, 64, 50, 50])
    """

    def __init__(self, h: Tensor, norm: nn.BatchNorm2d, slope: float):
        self.y, self._fused = compiled_module('fused_norm').normalize(h, norm, slope)

    def adjoint(self, grad_y: Tensor) -> Tensor:
        """dD/dh, from dD/dy."""
        self._adjoint = grad_y
        adjoint_h, self._adjoint_sums = self._fused.gradient(grad_y)
        return adjoint_h

    def tangent(self, dh: Tensor) -> Tensor:
        """dy."""
        self._dh = dh
        dy, self._tangent_sums = self._fused.tangent(dh, self._adjoint)
        return dy

    def reverse(self, grad_y: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """The gradients by h, and by the norm's weight and bias."""
        sums = self._adjoint_sums, self._tangent_sums
        grad_h, (by_bias, by_weight) = self._fused.second_gradient(self._adjoint, self._dh, *sums, grad_y)
        return grad_h, [by_weight, by_bias]


def _through_act(u: Tensor, y: Tensor, slope: float | None) -> Tensor:
    """Times the slope at each place, in place."""
    return u if slope is None else aten.leaky_relu_backward.grad_input(u, y, slope, True, grad_input=u)


def _spread(per_channel: Tensor, over: Tensor) -> Tensor:
    return per_channel.to(over.dtype).view(1, -1, 1, 1)
