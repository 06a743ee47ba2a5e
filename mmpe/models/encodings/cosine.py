"""The basis of the two-dimensional cosine transform."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mmpe.grid import Grid, as_grid
from mmpe.numbers import MOST_WHOLE, check_whole
from mmpe.registry import MODELS

from .cartesian import CartesianGrid

_MOST_FREQUENCIES = math.isqrt(MOST_WHOLE)


@MODELS.register_module()
class CosineBasis(CartesianGrid):
    """Products of cosines of x and of y: the basis images of the two-dimensional cosine transform.

    b_kl(x, y) = cos(pi k (y + 1) / 2) cos(pi l (x + 1) / 2), in [-1, 1], with F = ``num_frequencies`` and k, l from 0
    to F - 1, in the order of k F + l. So k and l count half-waves from edge to edge of the grid. Weighted sums of
    the channels are all maps of F x F cells, and all maps of more cells without finer detail. Channels of even l are
    symmetric from left to right, those of even k from top to bottom.

    The transform is that of Ahmed, Natarajan, Rao, "Discrete Cosine Transform", IEEE Transactions on Computers, 1974,
    here with the first and the last cell on the edges, as in :class:`CartesianGrid`.

    Args:
        num_frequencies: F, per axis. ``out_channels`` is F squared.

    Raises:
        ValueError: If ``num_frequencies`` is less than 1 or above 46340.

    >>> basis = CosineBasis(num_frequencies=3)
    >>> basis((4, 6)).shape
    torch.Size([1, 9, 4, 6])
    >>> basis(3)[0, 1].round()  # k = 0, l = 1: half a wave from left to right
    tensor([[ 1., -0., -1.],
            [ 1., -0., -1.],
            [ 1., -0., -1.]])
    """

    def __init__(self, num_frequencies: int):
        check_whole(1, _MOST_FREQUENCIES, num_frequencies=num_frequencies)
        super().__init__()
        self.num_frequencies = num_frequencies
        self.out_channels = num_frequencies**2

    def code(self, coordinates: Tensor) -> Tensor:
        """Code (..., 2) points by their products of cosines, as (F squared, ...)."""
        x, y = self._cosines(coordinates).unbind(-2)
        return (y[..., :, None] * x[..., None, :]).flatten(-2).movedim(-1, 0)

    def products(self, grid: int | tuple[int, int] | Grid) -> tuple[Tensor, Tensor] | None:
        """The cosines of y, (F, H), and of x, (F, W); see :meth:`Encoding.products`."""
        grid = as_grid(grid)
        if grid.axes is None:
            return None
        rows, columns = (self._cosines(axis).T.to(self._like.dtype) for axis in self._axes(grid))
        return rows, columns

    def _cosines(self, coordinates: Tensor) -> Tensor:
        """(...) to (..., F)."""
        numbers = torch.arange(self.num_frequencies, dtype=coordinates.dtype, device=coordinates.device)
        return (math.pi / 2 * numbers * (coordinates[..., None] + 1)).cos()
