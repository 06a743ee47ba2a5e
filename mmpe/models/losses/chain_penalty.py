"""The gradient penalty of a chain of convolutions, batch normalizations and LeakyReLUs, differentiated in closed form.

Autograd differentiates a batch normalization's backward pass by some thirty passes over memory. Here each layer makes
four sweeps that need one or two each, in place where nobody else sees the map, all built on three facts:

- the Jacobian J of a batch normalization is symmetric, so its backward kernel also carries tangents forward;
- with v = d penalty / d gradient held fixed, the penalty's gradient is that of the directional derivative dD(x)[v],
  so one forward sweep of tangents stands in for the backward pass of the backward pass;
- in reverse, the adjoints of those tangents are the adjoints that the first backward sweep has already found.

What J itself depends on, the activations below, adds one term per layer: see :meth:`_Layer._reverse_norm`.

Maps and convolutions are in float32, or in bfloat16 within such an autocast: its range is that of float32. float16's is
not, and what is small in the first derivative would be lost in the second. Statistics are in float32.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from ..layers import FastConv2d
from ..layers.convolution import Options, convolution, convolution_gradient

aten = torch.ops.aten


def is_plain_chain(critic: object) -> bool:
    """Whether :func:`chain_penalty` can take ``critic``: its ``layers`` are all plain, the last a convolution alone.

    >>> is_plain_chain(nn.Conv2d(3, 1, 3))
    False
    """
    layers = getattr(critic, 'layers', ())
    return bool(layers) and all(map(_is_plain, layers)) and not (layers[-1].with_norm or layers[-1].with_activation)


def chain_penalty(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    """:func:`mmpe.models.losses.gradient_penalty` of a chain of mmcv ``ConvModule``.

    Args:
        layers: See :func:`is_plain_chain`.
        x: (N, C, H, W).

    Returns:
        A scalar that can be differentiated once, by the layers' parameters.

    >>> from mmcv.cnn import ConvModule
    >>> layer = ConvModule(3, 1, 1, act_cfg=None)
    >>> _ = layer.conv.weight.data.copy_(torch.tensor([2.0, 3.0, 6.0]).view(1, 3, 1, 1))
    >>> chain_penalty([layer], torch.zeros(1, 3, 5, 5)).item()  # a slope of length 7 at each pixel
    36.0
    """
    chain = [_Layer(layer) for layer in layers]
    return _ChainPenalty.apply(x, chain, *(p for layer in chain for p in layer.parameters()))


def _is_plain(layer: nn.Module) -> bool:
    """Conv2d of stride 1 with zero padding, then perhaps BatchNorm2d in training, then perhaps LeakyReLU."""
    conv = layer.conv
    return (
        not layer.with_explicit_padding
        and not layer.with_spectral_norm
        and tuple(layer.order) == ('conv', 'norm', 'act')
        and type(conv) in (nn.Conv2d, FastConv2d)
        and (conv.stride, conv.dilation, conv.groups) == ((1, 1), (1, 1), 1)
        and conv.padding_mode == 'zeros'
        and not isinstance(conv.padding, str)
        and not conv._forward_pre_hooks
        and (not layer.with_norm or _is_plain_norm(layer.norm))
        and (not layer.with_activation or type(layer.activate) is nn.LeakyReLU)
    )


def _is_plain_norm(norm: nn.Module) -> bool:
    return type(norm) is nn.BatchNorm2d and norm.training and norm.affine and norm.momentum is not None


class _ChainPenalty(Function):
    @staticmethod
    def forward(ctx, x, chain, *parameters):
        dtype = _map_dtype(x.device.type, parameters[0].dtype)
        with torch.autocast(x.device.type, enabled=False):
            penalty, gradients = _penalty_and_gradients(chain, x.to(dtype))
        ctx.gradients = gradients
        return penalty

    @staticmethod
    def backward(ctx, grad):
        return (None, None, *(None if g is None else g * grad for g in ctx.gradients))


def _map_dtype(device_type: str, usual: torch.dtype) -> torch.dtype:
    in_bfloat16 = torch.is_autocast_enabled(device_type) and torch.get_autocast_dtype(device_type) == torch.bfloat16
    return torch.bfloat16 if in_bfloat16 else usual


def _penalty_and_gradients(chain: Sequence[_Layer], x: Tensor) -> tuple[Tensor, list[Tensor | None]]:
    for layer in chain:
        x = layer.forward(x)
    adjoint = torch.ones_like(x)
    for layer in reversed(chain):
        adjoint = layer.adjoint(adjoint)
    slope = adjoint.to(chain[0].conv.weight.dtype)
    norm = slope.norm(2, dim=1, keepdim=True)
    tangent = slope * (2 * (norm - 1) / norm.clamp_min(torch.finfo(norm.dtype).tiny) / norm.numel())
    tangent = tangent.to(adjoint.dtype)
    for layer in chain:
        tangent = layer.tangent(tangent)
    reverse = None
    for layer in reversed(chain):
        reverse = layer.reverse(reverse, is_first=layer is chain[0])
    return (norm - 1).square().mean(), [g for layer in chain for g in layer.gradients]


class _Layer:
    """One convolution with what follows it, h = conv(x), a = norm(h), y = act(a), and what its sweeps leave behind."""

    def __init__(self, module: nn.Module):
        self.conv = module.conv
        self.options = Options(padding=self.conv.padding)
        self.norm = module.norm if module.with_norm else None
        self.slope = module.activate.negative_slope if module.with_activation else None

    def parameters(self) -> list[Tensor]:
        conv, norm = self.conv, self.norm
        found = [conv.weight] if conv.bias is None else [conv.weight, conv.bias]
        return found if norm is None else [*found, norm.weight, norm.bias]

    def forward(self, x: Tensor) -> Tensor:
        self.x, self.weight = x, self.conv.weight.to(x.dtype)
        bias = None if self.conv.bias is None else self.conv.bias.to(x.dtype)
        self.h = convolution(x, self.weight, bias, self.options)
        self.pixels = self.h.numel() // self.h.shape[1]
        a = self.h if self.norm is None else self._normalize(self.h)
        self.y = a if self.slope is None else F.leaky_relu_(a, self.slope)
        return self.y

    def adjoint(self, grad_y: Tensor) -> Tensor:
        """Carry dD/dy down to dD/dx."""
        self.adjoint_a = self._through_act(grad_y)
        self.adjoint_h, self.adjoint_means = self._through_norm(self.adjoint_a)
        return self._conv_backward(self.adjoint_h, self.x, to_input=True)

    def tangent(self, dx: Tensor) -> Tensor:
        """Carry the direction dx up to dy."""
        self.dx, self.dh = dx, convolution(dx, self.weight, None, self.options)
        da, self.tangent_means = self._through_norm(self.dh)
        return self._through_act(da)

    def reverse(self, grad_y: Tensor | None, is_first: bool) -> Tensor | None:
        """Carry the penalty's gradient by y down to that by x, and find those by the parameters.

        ``grad_y`` is None above the topmost normalization: nothing up there depends on y but through tangents.
        """
        weight = self._conv_backward(self.adjoint_h, self.dx, to_input=False)
        grad_h, norm_grads = self._reverse_norm(None if grad_y is None else self._through_act(grad_y))
        grad_x = None
        if grad_h is not None:
            weight += self._conv_backward(grad_h, self.x, to_input=False)
            grad_x = None if is_first else self._conv_backward(grad_h, self.x, to_input=True)
        self.gradients = [weight]
        if self.conv.bias is not None:
            self.gradients.append(None if grad_h is None else grad_h.sum((0, 2, 3), dtype=self.conv.bias.dtype))
        self.gradients += norm_grads
        return grad_x

    def _reverse_norm(self, grad_a: Tensor | None) -> tuple[Tensor | None, list[Tensor]]:
        """Gradients by h and by the norm's parameters, of what flows through a (``grad_a``) and through J.

        With n = (h - mean) / std, J u = gamma / std * (u - E[u] - n E[n u]). The derivative by h of <g, J dh>, for the
        adjoint g of da, is::

            -J(E[n dh] g + E[n g] dh) / std - gamma / std^2 * n * (E[g dh] - E[g] E[dh] - E[n g] E[n dh])

        So one J serves for both of what flows.
        """
        if self.norm is None:
            return grad_a, []
        (n_g, g), (n_dh, dh) = self.adjoint_means, self.tangent_means
        by_g, by_dh = -self.inv_std * n_dh, -self.inv_std * n_g
        by_n = self.inv_std * (self._covariance(self.adjoint_a, self.dh, dh) - n_g * n_dh)
        u = self.adjoint_a.mul_(_spread(by_g, self.h))
        u.addcmul_(self.dh, _spread(by_dh, self.h))
        if grad_a is not None:
            u += grad_a
        grad_h, (n_u, mean_u) = self._through_norm(u)
        grad_h += self._normal(-self.norm.weight * self.inv_std * by_n)
        if grad_a is None:
            return grad_h, [self.pixels * by_n, torch.zeros_like(mean_u)]
        n_a, a = n_u - by_g * n_g - by_dh * n_dh, mean_u - by_g * g - by_dh * dh
        return grad_h, [self.pixels * (by_n + n_a), self.pixels * a]

    def _normalize(self, h: Tensor) -> Tensor:
        norm = self.norm
        if norm.track_running_stats:
            norm.num_batches_tracked += 1
        a, self.mean, self.inv_std = aten.native_batch_norm(
            h, norm.weight, norm.bias, norm.running_mean, norm.running_var, True, norm.momentum, norm.eps
        )
        return a

    def _normal(self, factor: Tensor) -> Tensor:
        """``factor``, one per channel, times n."""
        variance = self.inv_std.square().reciprocal()
        return aten.native_batch_norm(self.h, factor, None, self.mean, variance, False, 0.0, 0.0)[0]

    def _covariance(self, u: Tensor, v: Tensor, mean_v: Tensor) -> Tensor:
        """E[u v] - E[u] E[v] per channel, by the kernel that sums u (v - mean)."""
        one = torch.ones_like(mean_v)
        found = aten.native_batch_norm_backward(u, v, one, None, None, mean_v, one, True, 0.0, [False, True, False])
        return found[1] / self.pixels

    def _through_norm(self, u: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """J u, with the means over pixels (E[n u], E[u])."""
        if self.norm is None:
            return u, None
        out, n_u, sum_u = aten.native_batch_norm_backward(
            u, self.h, self.norm.weight, None, None, self.mean, self.inv_std, True, self.norm.eps, [True, True, True]
        )
        return out, (n_u / self.pixels, sum_u / self.pixels)

    def _through_act(self, u: Tensor) -> Tensor:
        """Times the slope at each place, in place."""
        return (
            u if self.slope is None else aten.leaky_relu_backward.grad_input(u, self.y, self.slope, True, grad_input=u)
        )

    def _conv_backward(self, grad: Tensor, x: Tensor, to_input: bool) -> Tensor:
        found = convolution_gradient(grad, x, self.weight, self.options, by_weight=not to_input)
        return found if to_input else found.to(self.conv.weight.dtype)


def _spread(per_channel: Tensor, over: Tensor) -> Tensor:
    return per_channel.to(over.dtype).view(1, -1, 1, 1)
