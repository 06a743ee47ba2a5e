"""An encoding at one size, resized to all others."""

from __future__ import annotations

from torch import Tensor

from mmpe.numbers import as_size
from mmpe.registry import MODELS

from .map import MapEncoding


@MODELS.register_module()
class ResizedEncoding(MapEncoding):
    """Another encoding's code of one grid, resized bilinearly to any other: its space stretches with the picture.

    From Xu et al., "Positional Encoding as Spatial Inductive Bias in GANs", CVPR 2021 (configurations e and j).

    Args:
        encoding: Config of the other encoding.
        size: Side of its grid, or (height, width).

    Raises:
        ValueError: If the size is not valid.

    >>> encoding = ResizedEncoding(dict(type='SinusoidalEncoding', embedding_dim=4), size=4)
    >>> encoding((4, 7))[..., -1].equal(encoding((4, 4))[..., -1])
    True
    """

    def __init__(self, encoding: dict, size: int | tuple[int, int] = 4):
        super().__init__()
        self.size = as_size(size)
        self.encoding = MODELS.build(encoding)
        self.out_channels = self.encoding.out_channels

    @property
    def map(self) -> Tensor:
        """The other encoding's code, of shape (1, C, h, w)."""
        return self.encoding(self.size)
