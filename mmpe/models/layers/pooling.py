"""Means over the cells of a grid, for maps of any size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpe.grid import Size


def average_cells(x: Tensor, size: Size) -> Tensor:
    """Adaptive average pooling of (N, C, H, W) to (N, C, *size).

    PyTorch's own adds up gradients on a GPU in an order that changes. Where it must not
    (:func:`torch.use_deterministic_algorithms`), products with two matrices take its place.

    >>> average_cells(torch.arange(8.0).reshape(1, 1, 2, 4), (1, 2))
    tensor([[[[2.5000, 4.5000]]]])
    """
    if x.is_cuda and torch.are_deterministic_algorithms_enabled():
        return average_by_products(x, size)
    return F.adaptive_avg_pool2d(x, size)


def average_by_products(x: Tensor, size: Size) -> Tensor:
    """The same as ``F.adaptive_avg_pool2d(x, size)``, up to rounding.

    >>> average_by_products(torch.arange(8.0).reshape(1, 1, 2, 4), (1, 2))
    tensor([[[[2.5000, 4.5000]]]])
    """
    unit = [torch.eye(length, dtype=x.dtype, device=x.device) for length in x.shape[-2:]]
    rows, columns = (F.adaptive_avg_pool1d(matrix, cells) for matrix, cells in zip(unit, size))
    return rows.T @ x @ columns
