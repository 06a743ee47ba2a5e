"""The mode that shows nothing past the border."""

from __future__ import annotations

from torch import Tensor

from mmpe.registry import MODELS

from .layer import Pad, Padding


@MODELS.register_module('none')
class NoPad(Pad):
    """``none``: the map stays as it is, so that a convolution after it makes it smaller.

    >>> import torch
    >>> NoPad(1)(torch.tensor([[[1, 2, 3]]]))
    tensor([[[1, 2, 3]]])
    """

    mode = 'none'
    extends = False

    def __init__(self, padding: Padding):
        super().__init__(padding)

    def extend(self, x: Tensor) -> Tensor:
        """The map itself."""
        return x
