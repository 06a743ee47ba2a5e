"""Convolutions of a map whose channels are products of rows and columns, as those of a separable encoding are.

Such a map is the same for every image, and its rows and columns are few numbers. A convolution of it is two products of
matrices, first over rows and then over columns, which take a small part of the multiplications.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


class ProductMap(NamedTuple):
    """A map (1, K L, H, W) that all images share: channel k L + l is row k times column l.

    Attributes:
        rows: (K, H).
        columns: (L, W).

    >>> import torch
    >>> ProductMap(torch.ones(2, 4), torch.ones(3, 5)).num_channels
    6
    """

    rows: Tensor
    columns: Tensor

    @property
    def num_channels(self) -> int:
        """K L."""
        return len(self.rows) * len(self.columns)


def convolve_products(x: ProductMap, weight: Tensor, scale: Tensor, padding: int) -> Tensor:
    """A convolution of stride 1 of a map whose channels each image scales by itself.

    Args:
        x: Of K rows of H cells and L columns of W cells.
        weight: (O, K L, k, k).
        scale: (N, K L).
        padding: Cells of zeros on each side.

    Returns:
        (N, O, H', W'), channels last.

    >>> import torch
    >>> x = ProductMap(torch.ones(2, 4), torch.ones(3, 5))
    >>> convolve_products(x, torch.ones(8, 6, 3, 3), torch.ones(7, 6), padding=1).shape
    torch.Size([7, 8, 4, 5])
    """
    sizes = len(x.rows), len(x.columns)
    rows, columns = (_windows(axis.to(weight.dtype), weight.shape[-1], padding) for axis in x)
    kernels = weight.unflatten(1, sizes).permute(1, 3, 2, 4, 0).contiguous()  # (K, k, L, k, O)
    kernels = kernels * scale.to(weight.dtype).unflatten(1, sizes)[:, :, None, :, None, None]
    by_row = rows @ kernels.flatten(3).flatten(1, 2)  # (N, H', L k O)
    by_row = by_row.view(len(scale) * len(rows), columns.shape[1], -1)
    return (columns @ by_row).view(len(scale), len(rows), len(columns), -1).permute(0, 3, 1, 2)


def _windows(axis: Tensor, side: int, padding: int) -> Tensor:
    """What a kernel sees of (K, H) at each place: (H', K k)."""
    return F.pad(axis, (padding, padding)).unfold(1, side, 1).transpose(0, 1).flatten(1)
