"""The modes that add lines to a map, as torch does: zeros, a mirror image, the nearest value, the opposite side."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mmpe.errors import InputError
from mmpe.numbers import size_text
from mmpe.registry import MODELS

from .layer import Pad, Padding


class _ExtendingPad(Pad):
    lines_kept: int | None = None  # lines that a map needs beyond those that are copied from it; None: any map will do

    def __init__(self, padding: Padding):
        super().__init__(padding)

    def extend(self, x: Tensor) -> Tensor:
        if self.lines_kept is not None:
            self._check_room(x, self.lines_kept)
        return F.pad(x, self.padding, mode=self.mode)

    def _check_room(self, x: Tensor, kept: int) -> None:
        left, right, top, bottom = self.padding
        height, width = x.shape[-2:]
        least = max(top, bottom) + kept, max(left, right) + kept
        if least[0] > height or least[1] > width:
            raise InputError(
                f"'{self.mode}' padding by (left, right, top, bottom) = {self.padding} needs a map of at least "
                f"{size_text(least)}, got {size_text((height, width))}. Take 'replicate', which has no limit, a larger "
                'map or a smaller padding'
            )


@MODELS.register_module('zero')
class ZeroPad(_ExtendingPad):
    """``zero``: zeros past the border.

    >>> import torch
    >>> ZeroPad((0, 1))(torch.tensor([[[1, 2, 3]]]))
    tensor([[[0, 1, 2, 3, 0]]])
    """

    mode = 'zero'
    is_local = True

    def extend(self, x: Tensor) -> Tensor:
        """Add zeros."""
        return F.pad(x, self.padding)


@MODELS.register_module('reflect')
class ReflectPad(_ExtendingPad):
    """``reflect``: the mirror image past the border, whose own line is not repeated.

    >>> import torch
    >>> ReflectPad((0, 1))(torch.tensor([[[1, 2, 3]]]))
    tensor([[[2, 1, 2, 3, 2]]])
    """

    mode = 'reflect'
    lines_kept = 1
    is_local = True


@MODELS.register_module('replicate')
class ReplicatePad(_ExtendingPad):
    """``replicate``: the border's value past the border.

    >>> import torch
    >>> ReplicatePad((0, 1))(torch.tensor([[[1, 2, 3]]]))
    tensor([[[1, 1, 2, 3, 3]]])
    """

    mode = 'replicate'
    is_local = True


@MODELS.register_module('circular')
class CircularPad(_ExtendingPad):
    """``circular``: the opposite side past the border.

    >>> import torch
    >>> CircularPad((0, 1))(torch.tensor([[[1, 2, 3]]]))
    tensor([[[3, 1, 2, 3, 1]]])
    """

    mode = 'circular'
    lines_kept = 0
