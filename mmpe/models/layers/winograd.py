"""3x3 convolutions of wide maps on CPUs, by a quarter of the multiplications.

Winograd's algorithm as Lavin and Gray have it, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016: F(4x4, 3x3).
A row of 4 outputs is read off the values of polynomials at 6 points, where 6 multiplications do for 12. In two dimensions
36 do for 144, each of which is a product of matrices over all channels. With the points of Barabasz et al., "Error Analysis
and Improving the Accuracy of Winograd Convolution", 2020, rounding errors are two to three times those of a sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

STEP = 4  # outputs of a tile, in each dimension
TILE = STEP + 2  # inputs that they see, and points
POINTS = (0.0, 1.0, -1.0, 2.0, -0.5)  # and infinity, where a polynomial's value is its first coefficient

_LEAST_CHANNELS = 256
_LEAST_PIXELS = 32**2  # of a picture, not of a batch, so that it comes out the same in every batch
_BAND = 2**14  # pixels that are computed at once, which bounds the memory

_enabled = True


@contextmanager
def direct_convolutions() -> Iterator[None]:
    """Within, all convolutions are PyTorch's own.

    >>> with direct_convolutions():
    ...     torch.nn.Conv2d(2, 4, 3)(torch.zeros(1, 2, 5, 7)).shape
    torch.Size([1, 4, 3, 5])
    """
    global _enabled
    before, _enabled = _enabled, False
    try:
        yield
    finally:
        _enabled = before


def is_wide(x: Tensor, weight: Tensor) -> bool:
    """Whether a convolution of ``x`` (N, I, H, W) with ``weight`` (O, I, 3, 3) has enough to multiply, on a CPU.

    In half precision it has none: the points ask for more digits.

    >>> is_wide(torch.zeros(1, 256, 32, 32), torch.zeros(256, 256, 3, 3))
    True
    """
    return (
        _enabled
        and x.device.type == 'cpu'
        and x.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled('cpu')
        and weight.shape[2:] == (3, 3)
        and min(weight.shape[:2]) >= _LEAST_CHANNELS
        and x.shape[2] * x.shape[3] >= _LEAST_PIXELS
    )


def convolve_wide(x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
    """``F.conv2d`` of (N, I, H, W) with (O, I, 3, 3) and stride 1, channels last.

    >>> convolve_wide(torch.zeros(1, 2, 5, 7), torch.zeros(4, 2, 3, 3), None, (1, 1)).shape
    torch.Size([1, 4, 5, 7])
    """
    result = _convolve(x, _at_points(_KERNEL, weight.permute(2, 3, 0, 1)).transpose(1, 2), padding)
    return result if bias is None else result.add_(bias[:, None, None])


def input_gradient(grad: Tensor, weight: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient by the input of :func:`convolve_wide`: a convolution with the kernels turned around.

    >>> input_gradient(torch.zeros(1, 4, 5, 7), torch.zeros(4, 2, 3, 3), (1, 1)).shape
    torch.Size([1, 2, 5, 7])
    """
    turned = _KERNEL.flip(1)
    return _convolve(grad, _at_points(turned, weight.permute(2, 3, 0, 1)), (2 - padding[0], 2 - padding[1]))


def weight_gradient(grad: Tensor, x: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient by the weight of :func:`convolve_wide`, (O, I, 3, 3).

    >>> weight_gradient(torch.zeros(1, 4, 5, 7), torch.zeros(1, 2, 5, 7), (1, 1)).shape
    torch.Size([4, 2, 3, 3])
    """
    size = [*grad.shape[2:]]
    grad = F.pad(grad, (0, -size[1] % STEP, 0, -size[0] % STEP))
    by_kernel = grad.new_empty(TILE**2, grad.shape[1], x.shape[1])
    for band, inputs in _bands(x, size, padding):
        outputs = _at_points(_OUTPUT.T, _tiles(grad[:, :, band], STEP))
        by_kernel.baddbmm_(outputs.transpose(1, 2), inputs, beta=float(band.start > 0))
    found = (_KERNEL.T @ by_kernel.flatten(1)).view(3, 3, *by_kernel.shape[1:])
    return found.permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last)


def strided_weight_gradient(grad: Tensor, x: Tensor, stride: tuple[int, int]) -> Tensor:
    """The gradient by the weight (O, I, 3, 3) of a convolution with a stride and no padding: one product of matrices.

    >>> strided_weight_gradient(torch.zeros(1, 4, 2, 3), torch.zeros(1, 2, 5, 7), (2, 2)).shape
    torch.Size([4, 2, 3, 3])
    """
    seen = x.unfold(2, 3, stride[0]).unfold(3, 3, stride[1]).permute(0, 2, 3, 4, 5, 1).flatten(0, 2).flatten(1)
    found = grad.permute(0, 2, 3, 1).flatten(0, 2).T @ seen
    return found.view(-1, 3, 3, x.shape[1]).permute(0, 3, 1, 2)


def _convolve(x: Tensor, kernels: Tensor, padding: tuple[int, int]) -> Tensor:
    """Convolve (N, I, H, W) with kernels of which (36, I, O) are the values at the points."""
    size = [length + 2 * margin - 2 for length, margin in zip(x.shape[2:], padding)]
    height, width = (length + -length % STEP for length in size)
    result = torch.empty(x.shape[0], kernels.shape[2], height, width, memory_format=torch.channels_last)
    for band, inputs in _bands(x, size, padding):
        tiles = _tiles(result[:, :, band], STEP)
        tiles.copy_((_OUTPUT @ torch.bmm(inputs, kernels).flatten(1)).view(tiles.shape))
    if size == [height, width]:
        return result
    return result[:, :, : size[0], : size[1]].clone(memory_format=torch.channels_last)


def _bands(x: Tensor, size: Sequence[int], padding: tuple[int, int]) -> Iterator[tuple[slice, Tensor]]:
    """Rows of an output of ``size``, some at a time, and the values at the points of what they see of ``x``."""
    height, width = (length + -length % STEP for length in size)
    beyond = [whole + 2 - margin - seen for whole, margin, seen in zip((height, width), padding, x.shape[2:])]
    x = F.pad(x, (padding[1], beyond[1], padding[0], beyond[0]))
    rows = max(1, _BAND // (x.shape[0] * width * STEP)) * STEP
    for top in range(0, height, rows):
        yield slice(top, top + rows), _at_points(_INPUT, _tiles(x[:, :, top : top + rows + 2], TILE))


def _tiles(x: Tensor, side: int) -> Tensor:
    """Tiles of (N, C, H, W), one for every 4x4 outputs: (side, side, N, rows, columns, C), a view."""
    return x.unfold(2, side, STEP).unfold(3, side, STEP).permute(4, 5, 0, 2, 3, 1)


def _at_points(matrix: Tensor, tiles: Tensor) -> Tensor:
    """What a matrix (36, k) of the algorithm makes of small squares (side, side, ..., C): (36, P, C)."""
    return (matrix @ tiles.reshape(matrix.shape[1], -1)).view(len(matrix), -1, tiles.shape[-1])


def _matrices() -> list[Tensor]:
    """What makes outputs of values at points (16, 36), and these of kernels (36, 9) and inputs (36, 36)."""
    others = [np.delete(POINTS, i) for i in range(len(POINTS))]
    scales = [*(np.prod(point - rest) for point, rest in zip(POINTS, others)), 1.0]
    inputs = np.array([*(np.append(np.poly(rest)[::-1], 0) for rest in others), np.poly(POINTS)[::-1]])
    outputs, kernels = _powers(STEP).T, _powers(3) / np.array(scales)[:, None]
    return [torch.from_numpy(np.kron(one, one)).float() for one in (outputs, kernels, inputs)]


def _powers(count: int) -> np.ndarray:
    """Powers 0 to ``count - 1`` of the points, (6, count)."""
    return np.vstack((np.vander(POINTS, count, increasing=True), np.eye(count)[-1:]))


_OUTPUT, _KERNEL, _INPUT = _matrices()
