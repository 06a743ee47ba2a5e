"""3x3 convolutions in tiles of four rows: 3x1 kernels become products, with half of the multiplications.

Winograd's algorithm F(4, 3), from Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, for
columns alone. A column's four outputs see six inputs. Inputs and kernels are polynomials, whose values at 6 points are
multiplied: 6 products in place of 12. Each is a convolution of maps with a quarter of the rows by 1x3 kernels. In rows,
pixels and channels lie side by side, so that values at points are sums of whole rows, which cost little. The full
algorithm (:mod:`~mmpe.models.layers.tile_convolution`) has half as many multiplications again, but has to be paid for
by many channels. Rounding errors are twice those of PyTorch's own convolution.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_STEP = 4  # outputs of a tile
_TILE = _STEP + 2  # inputs that they see, and points: 0, 1, -1, 2, -2 and infinity
_BAND = 2**16  # pixels that are computed at once, so that large maps take little memory
_KERNEL = [[1 / 4, 0, 0], *([-1 / 6, s / 6, -1 / 6] for s in (-1, 1)), *([1 / 24, s / 12, 1 / 6] for s in (1, -1))]
_KERNEL = torch.tensor([*_KERNEL, [0, 0, 1]])  # values of a kernel at the points, (6, 3)


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
    """``F.conv2d`` of (N, I, H, W) with (O, I, 3, 3) and stride 1, channels last.

    >>> convolve(torch.zeros(1, 2, 5, 7), torch.zeros(4, 2, 3, 3), None, (1, 1)).shape
    torch.Size([1, 4, 5, 7])
    """
    result = _convolve(x, _KERNEL, weight.permute(2, 0, 3, 1), padding)
    return result if bias is None else result.add_(bias[:, None, None])


def input_gradient(grad: Tensor, weight: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient by the input of :func:`convolve`: a convolution with the kernels turned around.

    >>> input_gradient(torch.zeros(1, 4, 5, 7), torch.zeros(4, 2, 3, 3), (1, 1)).shape
    torch.Size([1, 2, 5, 7])
    """
    turned = weight.flip(3).permute(2, 1, 3, 0)
    return _convolve(grad, _KERNEL.flip(1), turned, (2 - padding[0], 2 - padding[1]))


def _convolve(x: Tensor, values: Tensor, kernels: Tensor, padding: tuple[int, int]) -> Tensor:
    """Convolve (N, I, H, W) with kernels (3, O, 3, I), of which ``values`` (6, 3) makes those at the points."""
    rows = x.shape[2] + 2 * padding[0] - 2
    whole = rows + -rows % _STEP
    side, below = min(padding[1], 0), whole + 2 - padding[0] - x.shape[2]
    if side or padding[0] or below:
        x = F.pad(x, (side, side, padding[0], below))
    margin = padding[1] - side
    at_points = (values @ kernels.flatten(1)).view(_TILE, *kernels.shape[1:]).permute(0, 1, 3, 2)[..., None, :]
    shape = len(x), kernels.shape[1], whole, x.shape[3] + 2 * margin - 2
    result = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
    band = max(1, _BAND // (len(x) * x.shape[3] * _STEP)) * _STEP
    for top in range(0, whole, band):
        inputs = _at_points(x[:, :, top : top + band + 2])
        products = [F.conv2d(map, kernel, None, 1, (0, margin)) for map, kernel in zip(inputs, at_points)]
        _from_points(products, result[:, :, top : top + band])
    return result if rows == whole else result[:, :, :rows].contiguous(memory_format=torch.channels_last)


def _at_points(x: Tensor) -> list[Tensor]:
    """Values at the points of what each tile of (N, C, 4 T + 2, W) sees: (N, C, T, W) each."""
    rows = [x[:, :, start : x.shape[2] - _TILE + start + 1 : _STEP] for start in range(_TILE)]
    even, odd = torch.sub(rows[4], rows[2], alpha=4), torch.sub(rows[3], rows[1], alpha=4)
    ones = [even + odd, even - odd]
    torch.sub(rows[4], rows[2], out=even)
    torch.sub(rows[3], rows[1], out=odd)
    twos = [torch.add(even, odd, alpha=2), torch.sub(even, odd, alpha=2)]
    zero = even.add_(rows[0] - rows[2], alpha=4)
    infinity = torch.sub(rows[5], rows[3]).sub_(odd, alpha=4)
    return [zero, *ones, *twos, infinity]


def _from_points(products: Sequence[Tensor], result: Tensor) -> None:
    """Find outputs (N, C, 4 T, W) by their values at the points, which are used up: (N, C, T, W) each."""
    zero, one, minus_one, two, minus_two, infinity = products
    rows = [result[:, :, start::_STEP] for start in range(_STEP)]
    even_ones, even_twos = one + minus_one, two + minus_two
    odd_ones, odd_twos = one.sub_(minus_one), two.sub_(minus_two)
    torch.add(zero.add_(even_ones), even_twos, out=rows[0])
    torch.add(odd_ones, odd_twos, alpha=2, out=rows[1])
    torch.add(even_ones, even_twos, alpha=4, out=rows[2])
    torch.add(infinity.add_(odd_ones), odd_twos, alpha=8, out=rows[3])
