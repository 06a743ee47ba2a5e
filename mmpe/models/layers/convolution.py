"""Convolutions that can be differentiated twice at the price of convolutions.

R1 and path-length regularization differentiate a gradient. Autograd then finds the weights' gradient by a convolution
with kernels as large as the map, and that of a filter for each channel by itself, also where nobody asks for it. Here
the gradients of a convolution are operators of their own, whose gradients are again these operators and convolutions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from . import fast_convolution
from .faster_on_cpu import is_transformed

# Whether the backward pass that runs now uses what a node would pass on. Without it, all is computed.
_runs = getattr(torch._C, '_will_engine_execute_node', lambda node: True)


class Options(NamedTuple):
    """Those of a convolution; see :func:`convolve`.

    >>> Options(padding=(1, 1)).stride
    (1, 1)
    """

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1
    transposed: bool = False


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: tuple = (1, 1),
    padding: tuple = (0, 0),
    groups: int = 1,
    transposed: bool = False,
) -> Tensor:
    """``F.conv2d``, or ``F.conv_transpose2d``; arguments as they have them, strides and paddings as pairs.

    Args:
        x: (N, I, H, W).
        weight: (O, I / groups, kh, kw), or (I, O / groups, kh, kw) if transposed.
        bias: (O,).
        stride: Of rows and columns.
        padding: Likewise.
        groups: Number of groups of channels.
        transposed: Whether it is the transposed convolution.

    Returns:
        (N, O, H', W').

    >>> convolve(torch.zeros(1, 2, 5, 7), torch.zeros(4, 2, 3, 3), padding=(1, 1)).shape
    torch.Size([1, 4, 5, 7])
    """
    options = Options(tuple(stride), tuple(padding), groups, transposed)
    if is_transformed():
        return _plain(x, weight, bias, options)
    return _Convolve.apply(_branch(x), _branch(weight), None if bias is None else _branch(bias), options)


class Conv2d(nn.Conv2d):
    """``nn.Conv2d`` by :func:`convolve`; dilated, or with other padding than zeros, it is PyTorch's.

    >>> Conv2d(2, 4, 3, padding=1)(torch.zeros(1, 2, 5, 7)).shape
    torch.Size([1, 4, 5, 7])
    """

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not _is_plain(self):
            return super()._conv_forward(input, weight, bias)
        return convolve(input, weight, bias, self.stride, self.padding, self.groups)


class ConvTranspose2d(nn.ConvTranspose2d):
    """``nn.ConvTranspose2d`` by :func:`convolve`; dilated, or with output padding, it is PyTorch's.

    >>> ConvTranspose2d(2, 4, 4, stride=2, padding=1)(torch.zeros(1, 2, 5, 7)).shape
    torch.Size([1, 4, 10, 14])
    """

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Convolve (N, in_channels, H, W), to a height and width of ``output_size`` if it is given."""
        if output_size is not None or any(self.output_padding) or not _is_plain(self):
            return super().forward(input, output_size)
        return convolve(input, self.weight, self.bias, self.stride, self.padding, self.groups, transposed=True)


class FastConv2d(nn.Conv2d):
    """``nn.Conv2d``, by :mod:`~mmpe.models.layers.fast_convolution` where that has an algorithm for it.

    All others are PyTorch's own, to the bit. Their backward pass runs no Python, which would cost much on small maps.

    >>> FastConv2d(2, 4, 3, padding=1)(torch.zeros(1, 2, 5, 7)).shape
    torch.Size([1, 4, 5, 7])
    """

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        known = _is_plain(self) and (self.stride, self.groups) == ((1, 1), 1) and input.device.type == 'cpu'
        if not known or is_transformed():
            return super()._conv_forward(input, weight, bias)
        if torch.is_autocast_enabled('cpu'):
            cast = [value if value is None else _autocast(value) for value in (input, weight, bias)]
            with torch.autocast('cpu', enabled=False):
                return self._conv_forward(*cast)
        if fast_convolution.convolver(input, weight):
            return convolve(input, weight, bias, padding=self.padding)
        return super()._conv_forward(input, weight, bias)


def _autocast(value: Tensor) -> Tensor:
    """As autocast on the CPU has convolutions see it."""
    return value if value.dtype == torch.float64 else value.to(torch.get_autocast_dtype('cpu'))


def _is_plain(convolution: nn.Module) -> bool:
    """Whether :func:`convolve` knows its options."""
    known = (convolution.dilation, convolution.padding_mode) == ((1, 1), 'zeros')
    return known and not isinstance(convolution.padding, str)


def _branch(x: Tensor) -> Tensor:
    """``x`` with a node of its own in the graph, as a leaf's cannot be asked whether it will run."""
    return x.view_as(x) if x.is_leaf and x.requires_grad else x


def _wanted(ctx) -> list[bool]:
    """Which of three tensors' gradients the backward pass that runs now has use for, a last one may not be there."""
    nodes = [node for node, _ in ctx.next_functions]  # of tensors only, which come first
    wanted = [needed and _runs(node) for needed, node in zip(ctx.needs_input_grad, nodes)]
    return [*wanted, False][:3]


def convolution(x: Tensor, weight: Tensor, bias: Tensor | None, options: Options) -> Tensor:
    """:func:`convolve`, for which autograd keeps nothing.

    >>> convolution(torch.zeros(1, 2, 5, 7), torch.zeros(4, 2, 3, 3), None, Options(padding=(1, 1))).shape
    torch.Size([1, 4, 5, 7])
    """
    convolver = fast_convolution.convolver(x, weight) if _is_simple(options) else None
    if convolver is None:
        return _plain(x, weight, bias, options)
    return convolver(x, weight, bias, options.padding).detach()  # nobody may write to a view that a Function returns


def _plain(x: Tensor, weight: Tensor, bias: Tensor | None, options: Options) -> Tensor:
    stride, padding, groups, transposed = options
    if transposed:
        return F.conv_transpose2d(x, weight, bias, stride, padding, groups=groups)
    return F.conv2d(x, weight, bias, stride, padding, groups=groups)


def convolution_gradient(grad: Tensor, x: Tensor, weight: Tensor, options: Options, by_weight: bool) -> Tensor:
    """What a gradient by the result of :func:`convolution` makes of it by the weight, or by ``x``.

    >>> grad, x, weight = torch.zeros(1, 4, 3, 5), torch.zeros(1, 2, 5, 7), torch.zeros(4, 2, 3, 3)
    >>> convolution_gradient(grad, x, weight, Options(), by_weight=True).shape
    torch.Size([4, 2, 3, 3])
    """
    stride, padding, groups, transposed = options
    fast = _fast_gradient(x, weight, options, by_weight)
    if fast:
        return fast(grad, x if by_weight else weight, padding if stride == (1, 1) else stride).detach()
    found = torch.ops.aten.convolution_backward(
        grad, x, weight, None, stride, padding, (1, 1), transposed, (0, 0), groups, (not by_weight, by_weight, False)
    )
    return found[int(by_weight)]


def _fast_gradient(x: Tensor, weight: Tensor, options: Options, by_weight: bool) -> Callable[..., Tensor] | None:
    if _is_simple(options):
        return (fast_convolution.weight_gradient if by_weight else fast_convolution.input_gradient)(x, weight)
    if by_weight and _is_simple(options._replace(stride=(1, 1))) and options.padding == (0, 0):
        return fast_convolution.strided_weight_gradient(x, weight)
    return None


def _is_simple(options: Options) -> bool:
    return options.stride == (1, 1) and options.groups == 1 and not options.transposed


class _Convolve(Function):
    @staticmethod
    def forward(ctx, x, weight, bias, options):
        ctx.save_for_backward(x, weight)
        ctx.options, ctx.bias_dtype = options, None if bias is None else bias.dtype
        return convolution(x, weight, bias, options)

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        needs_x, needs_weight, needs_bias = _wanted(ctx)
        grad = _branch(grad)
        # Under autocast both were cast on the way. What only lends its shape is detached: the graph ends there.
        cast_x, cast_weight = x.to(grad.dtype), weight.to(grad.dtype)
        by_x = by_weight = None
        if needs_x:
            by_x = _InputGradient.apply(grad, cast_x.detach(), cast_weight, ctx.options).to(x.dtype)
        if needs_weight:
            by_weight = _WeightGradient.apply(grad, cast_x, cast_weight.detach(), ctx.options).to(weight.dtype)
        by_bias = grad.sum((0, 2, 3)).to(ctx.bias_dtype) if needs_bias else None
        return by_x, by_weight, by_bias, None


class _InputGradient(Function):
    """The gradient by the input, linear in ``grad`` and ``weight``; of ``x`` it has the shape."""

    @staticmethod
    def forward(ctx, grad, x, weight, options):
        ctx.save_for_backward(grad, weight)
        ctx.options = options
        return convolution_gradient(grad, x, weight, options, by_weight=False)

    @staticmethod
    def backward(ctx, direction):
        grad, weight = ctx.saved_tensors
        direction = _branch(direction)
        needs_grad, _, needs_weight = _wanted(ctx)
        by_grad = _Convolve.apply(direction, weight, None, ctx.options) if needs_grad else None
        by_weight = _WeightGradient.apply(grad, direction, weight.detach(), ctx.options) if needs_weight else None
        return by_grad, None, by_weight, None


class _WeightGradient(Function):
    """The gradient by the weight, linear in ``grad`` and ``x``; of ``weight`` it has the shape."""

    @staticmethod
    def forward(ctx, grad, x, weight, options):
        ctx.save_for_backward(grad, x)
        ctx.options = options
        return convolution_gradient(grad, x, weight, options, by_weight=True)

    @staticmethod
    def backward(ctx, direction):
        grad, x = ctx.saved_tensors
        direction = _branch(direction)
        needs_grad, needs_x, _ = _wanted(ctx)
        by_grad = _Convolve.apply(x, direction, None, ctx.options) if needs_grad else None
        by_x = _InputGradient.apply(grad, x.detach(), direction, ctx.options) if needs_x else None
        return by_grad, by_x, None, None
