"""The mode that enlarges a map: the paper's substitute for zero padding."""

from __future__ import annotations

import torch.nn.functional as F
from mmengine.registry import MODELS as ROOT_MODELS
from torch import Tensor

from mmpe.errors import InputError
from mmpe.registry import MODELS

from .layer import Pad, Padding

INTERPOLATIONS = ('bilinear', 'bicubic', 'nearest')


@MODELS.register_module('interp')
class InterpPad(Pad):
    """``interp``: the map enlarged by interpolation to the padded size (Xu et al., CVPR 2021, section 4).

    Args:
        padding: See :class:`Pad`; only the sums left + right and top + bottom count.
        mode: ``bilinear``, ``bicubic`` or ``nearest``.
        align_corners: As in ``F.interpolate``; without meaning for ``nearest``.

    Raises:
        InputError: If there is no such interpolation.

    >>> import torch
    >>> InterpPad((0, 1))(torch.tensor([[[0., 1., 2.]]]))
    tensor([[[0.0000, 0.5000, 1.0000, 1.5000, 2.0000]]])
    """

    mode = 'interp'

    def __init__(self, padding: Padding, mode: str = 'bilinear', align_corners: bool = True):
        super().__init__(padding, mode=mode, align_corners=align_corners)
        if mode not in INTERPOLATIONS:
            raise InputError(f'unknown interpolation {mode!r}: it is one of {", ".join(INTERPOLATIONS)}')
        self._interpolation = dict(mode=mode, align_corners=None if mode == 'nearest' else align_corners)

    def extend(self, x: Tensor) -> Tensor:
        """Enlarge the whole map."""
        left, right, top, bottom = self.padding
        size = (top + x.shape[-2] + bottom, left + x.shape[-1] + right)
        if x.dim() == 3:
            return F.interpolate(x[None], size, **self._interpolation)[0]
        return F.interpolate(x, size, **self._interpolation)


# The released code's own name: configs of other scopes have ConvModule(padding_mode='interp').
if 'interp' not in ROOT_MODELS.module_dict:
    ROOT_MODELS.register_module('interp', module=InterpPad)
