"""The gradient penalty of a chain of convolutions, batch normalizations and LeakyReLUs, differentiated in closed form.

Autograd differentiates a batch normalization's backward pass by some thirty passes over memory. Here each layer makes
four sweeps that need one or two each, all built on three facts:

- the Jacobian J of a batch normalization is symmetric, so its backward kernel also carries tangents forward;
- with v = d penalty / d gradient held fixed, the penalty's gradient is that of the directional derivative dD(x)[v],
  so one forward sweep of tangents stands in for the backward pass of the backward pass;
- in reverse, the adjoints of those tangents are the adjoints that the first backward sweep has already found.

What J itself depends on, the activations below, adds one term per layer: see :mod:`~mmpe.models.losses.chain_norms`.

Maps and convolutions are in float32, or in bfloat16 within such an autocast: its range is that of float32. float16's is
not, and what is small in the first derivative would be lost in the second. Statistics are in float32.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn as nn
from torch import Tensor
from torch.autograd import Function

from ..layers import FastConv2d
from ..layers.convolution import Options, convolution, convolution_gradient
from .chain_norms import after_convolution


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
    """One convolution h = conv(x), what follows it, y, and what their sweeps leave behind."""

    def __init__(self, module: nn.Module):
        self.conv = module.conv
        self.options = Options(padding=self.conv.padding)
        self.norm = module.norm if module.with_norm else None
        self.activation = module.activate if module.with_activation else None

    def parameters(self) -> list[Tensor]:
        conv, norm = self.conv, self.norm
        found = [conv.weight] if conv.bias is None else [conv.weight, conv.bias]
        return found if norm is None else [*found, norm.weight, norm.bias]

    def forward(self, x: Tensor) -> Tensor:
        self.x, self.weight = x, self.conv.weight.to(x.dtype)
        bias = None if self.conv.bias is None else self.conv.bias.to(x.dtype)
        self.after = after_convolution(convolution(x, self.weight, bias, self.options), self.norm, self.activation)
        return self.after.y

    def adjoint(self, grad_y: Tensor) -> Tensor:
        """Carry dD/dy down to dD/dx."""
        self.adjoint_h = self.after.adjoint(grad_y)
        return self._conv_backward(self.adjoint_h, self.x, to_input=True)

    def tangent(self, dx: Tensor) -> Tensor:
        """Carry the direction dx up to dy."""
        self.dx = dx
        return self.after.tangent(convolution(dx, self.weight, None, self.options))

    def reverse(self, grad_y: Tensor | None, is_first: bool) -> Tensor | None:
        """Carry the penalty's gradient by y down to that by x, and find those by the parameters.

        ``grad_y`` is None above the topmost normalization: nothing up there depends on y but through tangents.
        """
        weight = self._conv_backward(self.adjoint_h, self.dx, to_input=False)
        grad_h, norm_grads = self.after.reverse(grad_y)
        grad_x = None
        if grad_h is not None:
            weight += self._conv_backward(grad_h, self.x, to_input=False)
            grad_x = None if is_first else self._conv_backward(grad_h, self.x, to_input=True)
        self.gradients = [weight]
        if self.conv.bias is not None:
            self.gradients.append(None if grad_h is None else grad_h.sum((0, 2, 3), dtype=self.conv.bias.dtype))
        self.gradients += norm_grads
        return grad_x

    def _conv_backward(self, grad: Tensor, x: Tensor, to_input: bool) -> Tensor:
        found = convolution_gradient(grad, x, self.weight, self.options, by_weight=not to_input)
        return found if to_input else found.to(self.conv.weight.dtype)
