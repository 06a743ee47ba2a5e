"""3x3 convolutions in tiles of 4x4: products of large matrices, with a quarter of the multiplications.

Winograd's algorithm F(4x4, 3x3), from Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
Inputs and kernels are polynomials. Their values at 6 points are multiplied: 6 products for 4 outputs in a row, which
take 12, so 36 for a tile of 4x4 outputs, which take 144. Each of the 36 is a product of matrices over all channels.
The root mean square of rounding errors is 6e-7 of that of the outputs with 64 channels, and 1.1e-6 with 256. It is 4e-7
and 9e-7 by PyTorch's own convolution, channels last. Of a gradient by the weights it is 1e-6, and 3e-7 by PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from . import tile_transforms

_STEP = 4  # outputs of a tile, in each dimension; it sees 6 inputs, and has 6 points
_BAND = 2**7  # tiles that a core computes at once: few enough for what is made of them to stay in its cache


def _kernel_at_points() -> Tensor:
    """What makes values at the 36 points of the 9 weights of a kernel: (36, 9)."""
    a, b = tile_transforms.A, tile_transforms.B
    rows = [[1 / (a * b) ** 2, 0, 0]]
    for point, other in ((a, b), (-a, b), (b, a), (-b, a)):
        scale = 2 * point**2 * (point**2 - other**2)
        rows.append([1 / scale, point / scale, point**2 / scale])
    kernel = torch.tensor([*rows, [0, 0, 1]], dtype=torch.float64, device='cpu')
    return torch.kron(kernel, kernel).float()


_KERNEL = _kernel_at_points()


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
    """``F.conv2d`` of (N, I, H, W) with (O, I, 3, 3) and stride 1, channels last.

    >>> convolve(torch.zeros(1, 2, 5, 7), torch.zeros(4, 2, 3, 3), None, (1, 1)).shape
    torch.Size([1, 4, 5, 7])
    """
    return _convolve(x, _at_points(_KERNEL, weight.transpose(0, 1)), bias, padding)


def input_gradient(grad: Tensor, weight: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient by the input of :func:`convolve`: a convolution with the kernels turned around.

    >>> input_gradient(torch.zeros(1, 4, 5, 7), torch.zeros(4, 2, 3, 3), (1, 1)).shape
    torch.Size([1, 2, 5, 7])
    """
    return _convolve(grad, _at_points(_KERNEL.flip(1), weight), None, (2 - padding[0], 2 - padding[1]))


def weight_gradient(grad: Tensor, x: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient by the weight of :func:`convolve`, (O, I, 3, 3).

    >>> weight_gradient(torch.zeros(1, 4, 5, 7), torch.zeros(1, 2, 5, 7), (1, 1)).shape
    torch.Size([4, 2, 3, 3])
    """
    outputs, inputs = grad.shape[1], x.shape[1]
    found = x.new_empty(36, outputs, inputs)
    grad_rows, x_rows = _rows(grad), _rows(x)
    for strips, first, (by_output, by_input) in _bands(grad, (outputs, inputs)):
        tile_transforms.outputs_at_points(grad_rows, by_output.numpy(), outputs, strips, first)
        tile_transforms.inputs_at_points(x_rows, by_input.numpy(), inputs, strips, first, *padding)
        by_output, by_input = _matrices(by_output, outputs), _matrices(by_input, inputs)
        found.baddbmm_(by_output.transpose(1, 2), by_input, beta=float(first > 0))
    found = (_KERNEL.T @ found.flatten(1)).view(3, 3, outputs, inputs)
    return found.permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last)


def _convolve(x: Tensor, kernels: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
    """Convolve (N, I, H, W) with kernels of which (36, I, O) are the values at the points."""
    inputs, outputs = kernels.shape[1:]
    height, width = (length + 2 * margin - 2 for length, margin in zip(x.shape[2:], padding))
    result = x.new_empty(len(x), height, width, outputs).permute(0, 3, 1, 2)
    added = (x.new_zeros(outputs) if bias is None else bias.detach()).numpy()
    x_rows, rows = _rows(x), _rows(result)
    for strips, first, (at_points, products) in _bands(result, (inputs, outputs)):
        tile_transforms.inputs_at_points(x_rows, at_points.numpy(), inputs, strips, first, *padding)
        _multiply(_matrices(at_points, inputs), kernels, _matrices(products, outputs))
        tile_transforms.outputs_of_points(products.numpy(), rows, added, strips, first)
    return result


def _at_points(matrix: Tensor, weight: Tensor) -> Tensor:
    """Values at the points of kernels (A, B, 3, 3): (36, A, B)."""
    return (matrix @ weight.permute(2, 3, 0, 1).reshape(9, -1)).view(36, *weight.shape[:2])


def _bands(output: Tensor, channels: tuple[int, int]) -> Iterator[tuple[int, int, list[Tensor]]]:
    """Strips of an output (N, C, H, W), some at a time, as :mod:`tile_transforms` takes them.

    Yields:
        How many strips an image has, the index of the first of these, and where values at the points of their tiles
        with so many channels can be put: (6, 6, some strips, tiles * channels).
    """
    strips, tiles = (-(-length // _STEP) for length in output.shape[2:])
    total, threads = len(output) * strips, torch.get_num_threads()
    at_once = -(-_BAND // tiles) * threads
    at_once = -(-total // -(-total // at_once))
    memory = [output.new_empty(36 * at_once * tiles * count) for count in channels]
    for first in range(0, total, at_once):
        some = min(at_once, total - first)
        sizes = [some * tiles * count for count in channels]
        yield strips, first, [part[: 36 * size].view(6, 6, some, -1) for part, size in zip(memory, sizes)]


def _multiply(left: Tensor, right: Tensor, result: Tensor) -> None:
    """``torch.bmm``, in two halves of the sums: the longer they are, the more rounding errors add up."""
    half = -(-right.shape[1] // 2)
    torch.bmm(left[..., :half], right[:, :half], out=result)
    result.baddbmm_(left[..., half:], right[:, half:])


def _matrices(at_points: Tensor, channels: int) -> Tensor:
    return at_points.view(36, -1, channels)


def _rows(x: Tensor) -> np.ndarray:
    """Images (N, C, H, W), channels last: (N, H, W * C)."""
    return x.detach().permute(0, 2, 3, 1).contiguous().flatten(2).numpy()
