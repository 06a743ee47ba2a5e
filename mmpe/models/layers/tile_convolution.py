"""3x3 convolutions in tiles of 4x4: products of large matrices, with a quarter of the multiplications.

Winograd's algorithm F(4x4, 3x3), from Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
Inputs and kernels are polynomials. Their values at 6 points are multiplied: 6 products for 4 outputs in a row, which
take 12, so 36 for a tile of 4x4 outputs, which take 144. Each of the 36 is a product of matrices over all channels.
With 256 channels the root mean square of rounding errors is 2e-6 of that of the outputs. It is 1e-6 by PyTorch's own
convolution, and 3e-6 by the paper's points, which have -2 in place of -1/2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_STEP = 4  # outputs of a tile, in each dimension
_TILE = _STEP + 2  # inputs that they see, and points
_POINTS = (0.0, 1.0, -1.0, 2.0, -0.5)  # and infinity, where a polynomial's value is its leading coefficient

_BAND = 2**11  # pixels that are computed at once: few enough for what is made of them to stay in a core's cache


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
    """``F.conv2d`` of (N, I, H, W) with (O, I, 3, 3) and stride 1, channels last.

    >>> convolve(torch.zeros(1, 2, 5, 7), torch.zeros(4, 2, 3, 3), None, (1, 1)).shape
    torch.Size([1, 4, 5, 7])
    """
    result = _convolve(x, _at_points(_KERNEL, weight.permute(2, 3, 0, 1)).transpose(1, 2), padding)
    return result if bias is None else result.add_(bias[:, None, None])


def input_gradient(grad: Tensor, weight: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient by the input of :func:`convolve`: a convolution with the kernels turned around.

    >>> input_gradient(torch.zeros(1, 4, 5, 7), torch.zeros(4, 2, 3, 3), (1, 1)).shape
    torch.Size([1, 2, 5, 7])
    """
    turned = _KERNEL.flip(1)
    return _convolve(grad, _at_points(turned, weight.permute(2, 3, 0, 1)), (2 - padding[0], 2 - padding[1]))


def weight_gradient(grad: Tensor, x: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient by the weight of :func:`convolve`, (O, I, 3, 3).

    >>> weight_gradient(torch.zeros(1, 4, 5, 7), torch.zeros(1, 2, 5, 7), (1, 1)).shape
    torch.Size([4, 2, 3, 3])
    """
    size = _whole_tiles(grad.shape[2:])
    grad = _extended(grad, (0, 0), size)
    by_kernel = grad.new_empty(_TILE**2, grad.shape[1], x.shape[1])
    for band, inputs in _bands(x, padding, size):
        outputs = _at_points(_OUTPUT.T, _tiles(grad[:, :, band], _STEP))
        by_kernel.baddbmm_(outputs.transpose(1, 2), inputs, beta=float(band.start > 0))
    found = (_KERNEL.T @ by_kernel.flatten(1)).view(3, 3, *by_kernel.shape[1:])
    return found.permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last)


def strided_weight_gradient(grad: Tensor, x: Tensor, stride: tuple[int, int]) -> Tensor:
    """The gradient by the weight (O, I, 3, 3) of a convolution with a stride and without padding.

    >>> strided_weight_gradient(torch.zeros(1, 4, 2, 3), torch.zeros(1, 2, 5, 7), (2, 2)).shape
    torch.Size([4, 2, 3, 3])
    """
    found = grad.new_zeros(grad.shape[1], 9 * x.shape[1])
    images = max(1, _BAND // (x.shape[2] * x.shape[3]))
    for part, inputs in zip(grad.split(images), x.split(images)):
        seen = inputs.unfold(2, 3, stride[0]).unfold(3, 3, stride[1]).permute(0, 2, 3, 4, 5, 1)
        found.addmm_(part.permute(0, 2, 3, 1).flatten(0, 2).T, seen.reshape(-1, found.shape[1]))
    return found.view(-1, 3, 3, x.shape[1]).permute(0, 3, 1, 2)


def _convolve(x: Tensor, kernels: Tensor, padding: tuple[int, int]) -> Tensor:
    """Convolve (N, I, H, W) with kernels of which (36, I, O) are the values at the points."""
    height, width = (length + 2 * margin - 2 for length, margin in zip(x.shape[2:], padding))
    size = _whole_tiles((height, width))
    shape = (x.shape[0], kernels.shape[2], *size)
    result = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
    for band, inputs in _bands(x, padding, size):
        tiles = _tiles(result[:, :, band], _STEP)
        tiles.copy_((_OUTPUT @ torch.bmm(inputs, kernels).flatten(1)).view(tiles.shape))
    if size == (height, width):
        return result
    return result[:, :, :height, :width].clone(memory_format=torch.channels_last)


def _bands(x: Tensor, padding: tuple[int, int], size: tuple[int, int]) -> Iterator[tuple[slice, Tensor]]:
    """Rows of an output of ``size``, some at a time, and the values at the points of what they see of ``x``."""
    height, width = size
    x = _extended(x, padding, (height + 2, width + 2))
    rows = max(1, _BAND // (x.shape[0] * width * _STEP)) * _STEP
    for top in range(0, height, rows):
        yield slice(top, top + rows), _at_points(_INPUT, _tiles(x[:, :, top : top + rows + 2], _TILE))


def _whole_tiles(size: Sequence[int]) -> tuple[int, int]:
    height, width = size
    return height + -height % _STEP, width + -width % _STEP


def _extended(x: Tensor, margin: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Zeros around (N, C, H, W): ``margin`` rows above and columns to the left, and the rest of ``size`` beyond."""
    (top, left), (height, width) = margin, size
    padding = (left, width - left - x.shape[3], top, height - top - x.shape[2])
    return F.pad(x, padding) if any(padding) else x


def _tiles(x: Tensor, side: int) -> Tensor:
    """Tiles of (N, C, H, W), one for every 4x4 outputs: (side, side, N, rows, columns, C), a view."""
    return x.unfold(2, side, _STEP).unfold(3, side, _STEP).permute(4, 5, 0, 2, 3, 1)


def _at_points(matrix: Tensor, tiles: Tensor) -> Tensor:
    """What a matrix (36, k) of the algorithm makes of small squares (side, side, ..., C): (36, P, C)."""
    return (matrix @ tiles.reshape(matrix.shape[1], -1)).view(len(matrix), -1, tiles.shape[-1])


def _matrices() -> list[Tensor]:
    """What makes outputs of values at points (16, 36), and these of kernels (36, 9) and inputs (36, 36)."""
    others = [np.delete(_POINTS, i) for i in range(len(_POINTS))]
    scales = [*(np.prod(point - rest) for point, rest in zip(_POINTS, others)), 1.0]
    inputs = np.array([*(np.append(np.poly(rest)[::-1], 0) for rest in others), np.poly(_POINTS)[::-1]])
    outputs, kernels = _powers(_STEP).T, _powers(3) / np.array(scales)[:, None]
    return [torch.from_numpy(np.kron(one, one)).float() for one in (outputs, kernels, inputs)]


def _powers(count: int) -> np.ndarray:
    """Powers 0 to ``count - 1`` of the points, (6, count)."""
    return np.vstack((np.vander(_POINTS, count, increasing=True), np.eye(count)[-1:]))


_OUTPUT, _KERNEL, _INPUT = _matrices()
