"""The scale-consistent grid."""

from __future__ import annotations

from torch import Tensor

from mmpe.numbers import check_whole
from mmpe.registry import MODELS

from .cartesian import CartesianGrid


@MODELS.register_module()
class ScaleConsistentGrid(CartesianGrid):
    """Coordinates of the cells' centers in the frame [-1, 1], which starts ``pad`` cells inside the grid.

    On an axis of n = m + 2 pad cells, x_j = (2 (j - pad) + 1) / m - 1. What valid convolutions leave after they have
    eaten ``pad`` cells on each side is the same frame at every resolution; and as area averaging keeps centers, a grid
    twice as fine averages to the coarse one.

    Two channels, x and y, in (-1, 1) within the frame and beyond in the pad. From Ntavelis et al., "Arbitrary-Scale
    Image Synthesis", CVPR 2022 (scale-consistent positional encodings).

    Args:
        pad: Cells outside the frame, on each side.

    Raises:
        ValueError: If ``pad`` is negative; when called, if the grid has no cell left within its pad.

    >>> ScaleConsistentGrid(pad=1)(4)[0, 0, 0]
    tensor([-1.5000, -0.5000,  0.5000,  1.5000])
    """

    def __init__(self, pad: int = 0):
        check_whole(0, pad=pad)
        super().__init__()
        self.pad = pad

    def axis(self, index: Tensor, count: int) -> Tensor:
        """Lay cells so that all but ``pad`` cells on each side fill [-1, 1]; raises ValueError if none are left."""
        framed = count - 2 * self.pad
        if framed < 1:
            raise ValueError(f'a grid {count} wide has no cell within a pad of {self.pad} on each side')
        return (2 * (index - self.pad) + 1) / framed - 1
