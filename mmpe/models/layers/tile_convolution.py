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

_TILES = 2**7  # that a thread computes at once: few enough for what is made of them to stay in its core's cache
_NOTHING = np.empty(0, np.float32)


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
    """``F.conv2d`` of (N, I, H, W) with (O, I, 3, 3) and stride 1, channels last.

    >>> convolve(torch.zeros(1, 2, 5, 7), torch.zeros(4, 2, 3, 3), None, (1, 1)).shape
    torch.Size([1, 4, 5, 7])
    """
    return _convolve(x, weight, (1, 2, 3, 0), bias, padding)


def input_gradient(grad: Tensor, weight: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient by the input of :func:`convolve`: a convolution with the kernels turned around.

    >>> input_gradient(torch.zeros(1, 4, 5, 7), torch.zeros(4, 2, 3, 3), (1, 1)).shape
    torch.Size([1, 2, 5, 7])
    """
    return _convolve(grad, weight, (0, 2, 3, 1), None, (2 - padding[0], 2 - padding[1]), is_turned=True)


def weight_gradient(grad: Tensor, x: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient by the weight of :func:`convolve`, (O, I, 3, 3).

    >>> weight_gradient(torch.zeros(1, 4, 5, 7), torch.zeros(1, 2, 5, 7), (1, 1)).shape
    torch.Size([4, 2, 3, 3])
    """
    outputs, inputs = grad.shape[1], x.shape[1]
    result = x.new_empty(outputs, 3, 3, -(-inputs // tile_loops.ALIGNED) * tile_loops.ALIGNED)
    workers = torch.get_num_threads()
    at_once = workers * _at_once(grad, workers)
    tile_loops.weight_gradient(_rows(grad), _rows(x), result.numpy(), *padding, workers, at_once)
    return result[..., :inputs].permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def _convolve(
    x: Tensor,
    weight: Tensor,
    order: tuple[int, int, int, int],
    bias: Tensor | None,
    padding: tuple[int, int],
    is_turned: bool = False,
) -> Tensor:
    """Convolve (N, I, H, W) with kernels, which have the axes inputs, 3, 3 and outputs in the order that is given."""
    outputs = weight.shape[order[3]]
    height, width = (length + 2 * margin - 2 for length, margin in zip(x.shape[2:], padding))
    result = x.new_empty(len(x), height, width, outputs).permute(0, 3, 1, 2)
    kernels = weight.detach()
    if not (kernels.is_contiguous() or kernels.is_contiguous(memory_format=torch.channels_last)):
        kernels = kernels.contiguous()
    strides = tuple(kernels.stride(axis) for axis in order)
    numbers = kernels.as_strided((kernels.numel(),), (1,)).numpy()
    added = _NOTHING if bias is None else bias.detach().contiguous().numpy()
    workers = torch.get_num_threads()
    shares = *padding, workers, _at_once(result, workers)
    tile_loops.convolve(_rows(x), numbers, strides, is_turned, added, _rows(result), *shares)
    return result


def _at_once(output: Tensor, workers: int) -> int:
    """Tiles of an output (N, C, H, W) that each of the workers computes at once."""
    strips, tiles = (-(-length // 4) for length in output.shape[2:])
    groups = -(-len(output) * strips * tiles // tile_loops.ROWS)
    share = -(-groups // workers)
    rounds = -(-share * tile_loops.ROWS // _TILES)
    return -(-share // rounds) * tile_loops.ROWS


def _rows(x: Tensor) -> np.ndarray:
    """Images (N, C, H, W), channels last: (N, H, W, C)."""
    return np.ascontiguousarray(x.detach().numpy().transpose(0, 2, 3, 1))
