"""Batch normalization and the LeakyReLU after it, fused where that is faster: on a CPU, for maps that are not small."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.modules import module as torch_module

from .faster_on_cpu import compiled_module, is_ordinary, is_transformed

_LEAST, _TYPES = 2**17, (torch.float32,)  # numbers in the map of an image: its batch must not matter


def normalize(x: Tensor, norm: nn.Module, activation: nn.Module) -> Tensor:
    """``activation(norm(x))`` of (N, C, H, W).

    >>> normalize(torch.randn(1, 64, 50, 50), nn.BatchNorm2d(64), nn.LeakyReLU(0.2)).shape
    torch.Size([1, 64, 50, 50])
    """
    if is_transformed() or not is_fused(x, norm, activation):
        return activation(norm(x))
    return _Normalize.apply(x, norm.weight, norm.bias, norm, activation.negative_slope)


def is_fused(x: Tensor, norm: nn.Module | None, activation: nn.Module | None) -> bool:
    """Whether :func:`normalize` does both at once.

    >>> x = torch.zeros(1, 64, 50, 50).contiguous(memory_format=torch.channels_last)
    >>> is_fused(x, nn.BatchNorm2d(64), nn.LeakyReLU(0.2)), is_fused(x, nn.BatchNorm2d(64), nn.ReLU())
    (True, False)
    """
    return (
        x.ndim == 4
        and x.shape[1:].numel() >= _LEAST
        and x.numel() > x.shape[1]  # of a single pixel there is no deviation, as PyTorch says
        and x.dtype in _TYPES
        and type(norm) is nn.BatchNorm2d
        and type(activation) is nn.LeakyReLU
        and norm.affine
        and norm.num_features == x.shape[1]
        and norm.momentum is not None
        and activation.negative_slope >= 0
        and x.is_contiguous(memory_format=torch.channels_last)
        and not (_has_hooks(norm) or _has_hooks(activation))
        and is_ordinary(x, norm.weight, norm.bias)
        and compiled_module('fused_norm') is not None
    )


def _has_hooks(module: nn.Module) -> bool:
    own = module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks
    return any(own) or torch_module._has_any_global_hook()


class _Normalize(Function):
    @staticmethod
    def forward(ctx, x, weight, bias, norm, slope):
        y, fused = compiled_module('fused_norm').normalize(x, norm, slope)
        ctx.save_for_backward(x, weight, bias)
        ctx.others, ctx.eps = fused.others, norm.eps
        return y

    @staticmethod
    def backward(ctx, grad):
        x, weight, bias = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient is differentiated in turn
            return *_gradients(grad, x, weight, bias, ctx.eps, *ctx.others), None, None
        fused = compiled_module('fused_norm').FusedNorm(x, weight, bias, *ctx.others)
        by_x, (by_bias, by_weight) = fused.gradient(grad)
        return by_x, by_weight, by_bias, None, None


def _gradients(grad, x, weight, bias, eps, slope, mean, inv_std, by_own) -> Iterator[Tensor | None]:
    """Those by x, weight and bias, by PyTorch's operators, which can be differentiated again."""
    if by_own:
        y = F.batch_norm(x, None, None, weight, bias, training=True, eps=eps)
    else:
        y = F.batch_norm(x, torch.from_numpy(mean), torch.from_numpy(inv_std**-2), weight, bias, eps=0.0)
    asked = [each for each in (x, weight, bias) if each.requires_grad]
    found = iter(torch.autograd.grad(F.leaky_relu(y, slope), asked, grad, create_graph=True))
    return (next(found) if each.requires_grad else None for each in (x, weight, bias))
