"""3x3 convolutions in tiles of 4x4: products of large matrices, with a quarter of the multiplications.

Winograd's algorithm F(4x4, 3x3), from Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
Inputs and kernels are polynomials. Their values at 6 points are multiplied: 6 products for 4 outputs in a row, which
take 12, so 36 for a tile of 4x4 outputs, which take 144. Each of the 36 is a product of matrices over all channels.
The root mean square of rounding errors is 7e-7 of that of the outputs, with 64 and with 256 channels. It is 4e-7 and
9e-7 by PyTorch's own convolution, channels last. Of a gradient by the weights it is 6e-7 to 8e-7, and 2e-7 to 5e-7.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from . import tile_loops

_STEP = 4  # outputs of a tile, in each dimension; it sees 6 inputs, and has 6 points
_BAND = 2**7  # tiles that a thread computes at once: few enough for what is made of them to stay in its core's cache


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
    """``F.conv2d`` of (N, I, H, W) with (O, I, 3, 3) and stride 1, channels last.

    >>> convolve(torch.zeros(1, 2, 5, 7), torch.zeros(4, 2, 3, 3), None, (1, 1)).shape
    torch.Size([1, 4, 5, 7])
    """
    return _convolve(x, weight.permute(1, 2, 3, 0), bias, padding)


def input_gradient(grad: Tensor, weight: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient by the input of :func:`convolve`: a convolution with the kernels turned around.

    >>> input_gradient(torch.zeros(1, 4, 5, 7), torch.zeros(4, 2, 3, 3), (1, 1)).shape
    torch.Size([1, 2, 5, 7])
    """
    return _convolve(grad, weight.permute(0, 2, 3, 1).flip(1, 2), None, (2 - padding[0], 2 - padding[1]))


def weight_gradient(grad: Tensor, x: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient by the weight of :func:`convolve`, (O, I, 3, 3).

    >>> weight_gradient(torch.zeros(1, 4, 5, 7), torch.zeros(1, 2, 5, 7), (1, 1)).shape
    torch.Size([4, 2, 3, 3])
    """
    outputs, inputs = grad.shape[1], x.shape[1]
    strips, tiles = _band(grad)
    strips *= torch.get_num_threads()
    found = x.new_zeros(6, 6, _filled_up(outputs), _filled_up(inputs))
    points = (x.new_empty(6, 6, strips * tiles, size).numpy() for size in found.shape[2:])
    result = x.new_empty(outputs, 3, 3, found.shape[3])
    tile_loops.weight_gradient(_rows(grad), _rows(x), result.numpy(), strips, *padding, *points, found.numpy())
    return result[..., :inputs].permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def _convolve(x: Tensor, kernels: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
    """Convolve (N, I, H, W) with kernels (I, 3, 3, O)."""
    inputs, outputs = kernels.shape[0], kernels.shape[3]
    height, width = (length + 2 * margin - 2 for length, margin in zip(x.shape[2:], padding))
    result = x.new_empty(len(x), height, width, outputs).permute(0, 3, 1, 2)
    added = x.new_zeros(_filled_up(outputs))
    if bias is not None:
        added[:outputs] = bias.detach()
    at_points = x.new_empty(6, 6, inputs, len(added)).numpy()
    tile_loops.kernels_at_points(kernels.detach().contiguous().numpy(), at_points)
    strips, tiles = _band(result)
    workers, rows = torch.get_num_threads(), tile_loops.ROWS * -(-strips * tiles // tile_loops.ROWS)
    points = x.new_empty(workers, 6, 6, rows, _filled_up(inputs))
    if rows > strips * tiles:
        points[..., strips * tiles :, :] = 0  # what is left there could be slow to compute with
    memory = points.numpy(), x.new_empty(workers, 6, 6, rows, len(added)).numpy()
    tile_loops.convolve(_rows(x), at_points, added.numpy(), _rows(result), strips, *padding, *memory)
    return result


def _band(output: Tensor) -> tuple[int, int]:
    """Strips of an output (N, C, H, W) of which a thread computes all tiles at once, and tiles of a strip."""
    strips, tiles = (-(-length // _STEP) for length in output.shape[2:])
    share = -(-len(output) * strips // torch.get_num_threads())
    rounds = -(-share // -(-_BAND // tiles))
    return -(-share // rounds), tiles


def _filled_up(channels: int) -> int:
    return -(-channels // tile_loops.ALIGNED) * tile_loops.ALIGNED


def _rows(x: Tensor) -> np.ndarray:
    """Images (N, C, H, W), channels last: (N, H, W, C)."""
    return x.detach().permute(0, 2, 3, 1).contiguous().numpy()
