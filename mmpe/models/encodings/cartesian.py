"""The Cartesian spatial grid."""

from __future__ import annotations

from torch import Tensor

from mmpe.registry import MODELS

from .encoding import Encoding


@MODELS.register_module()
class CartesianGrid(Encoding):
    """The coordinates themselves, from -1 at the left and top cells to 1 at the right and bottom ones (CSG).

    x_j = 2j / (W - 1) - 1, and y_i likewise; the only cell of an axis of length 1 is at -1. At another size the same
    space is sampled more densely: a picture stretches.

    Two channels, x and y, in [-1, 1]. From Xu et al., "Positional Encoding as Spatial Inductive Bias in GANs", CVPR
    2021.

    >>> CartesianGrid()(3)[0, 0]
    tensor([[-1.,  0.,  1.],
            [-1.,  0.,  1.],
            [-1.,  0.,  1.]])
    """

    out_channels = 2

    def axis(self, index: Tensor, count: int) -> Tensor:
        """Lay cells over [-1, 1], the outer ones on the ends."""
        return 2 * index / max(count - 1, 1) - 1

    def code(self, coordinates: Tensor) -> Tensor:
        """Code (..., 2) points by their x and y, as (2, ...)."""
        return coordinates.movedim(-1, 0)
