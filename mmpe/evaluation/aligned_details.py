"""Whether aligned pictures have their details in the right places, as a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.numbers import check_numbers, check_real, shown, size_text
from mmpe.registry import METRICS

from .sized_metrics import RealSetMetric

Window = tuple[float, float, float, float]

_BLUR = 0.16  # side of the blur, as a share of the picture's shorter side


@METRICS.register_module()
class AlignedDetails(RealSetMetric):
    """How alike the mean details of images and of real pictures are, in windows where all show the same thing.

    For aligned pictures, such as faces. What is finer than a sixth of the picture is averaged over all pictures. Both
    means are compared by their cosine: 1 at best, 0 for images whose details are anywhere. :class:`SlicedWasserstein`
    does not see whether eyes are where eyes belong.

    Args:
        windows: (top, bottom, left, right) of each window, by its name, as shares of the picture's height and width.
        **kwargs: Arguments of :class:`RealSetMetric` and :class:`SizedMetric`.

    Raises:
        InputError: If there is no window, or one is not a part of the picture, or has no pixel of it.

    >>> metric = AlignedDetails(dict(eyes=(0.4, 0.56, 0.32, 0.68)), real=dict(type='DrawnFaces', num=4, size=32))
    >>> metric.describe(torch.zeros(2, 3, 32, 32, dtype=torch.uint8), [0, 1]).shape
    torch.Size([2, 180])
    """

    def __init__(self, windows: Mapping[str, Window], **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(windows, Mapping) and windows):
            raise InputError(
                f'windows={shown(windows)} cannot work: it must be a dict with at least one window, such as '
                'dict(eyes=(0.4, 0.56, 0.32, 0.68))'
            )
        for name, window in windows.items():
            _check_window(name, window)
        self.windows = {name: tuple(window) for name, window in windows.items()}

    @property
    def fingerprint(self) -> str:
        """The windows."""
        return f'details in {sorted(self.windows.items())}'

    def describe(self, pictures: Tensor, numbers: Sequence[int]) -> Tensor:
        """Details in all windows, (N, L)."""
        details = _details(pictures.float() / 127.5 - 1)
        return torch.cat([part.flatten(1) for part in self._parts(details)], 1)

    def score(self, size: Size, fakes: Tensor) -> dict[str, float]:
        """The cosine of each window."""
        means = self.real[size].to(self.device).mean(0), fakes.mean(0)
        lengths = [part.numel() for part in self._parts(fakes.new_zeros(1, 3, *size))]
        pairs = zip(*(mean.split(lengths) for mean in means))
        return {name: float(F.cosine_similarity(*pair, dim=0)) for name, pair in zip(self.windows, pairs)}

    def _parts(self, pictures: Tensor) -> list[Tensor]:
        height, width = pictures.shape[-2:]
        boxes = [
            (round(top * height), round(bottom * height), round(left * width), round(right * width))
            for top, bottom, left, right in self.windows.values()
        ]
        for name, (top, bottom, left, right) in zip(self.windows, boxes):
            if top == bottom or left == right:
                size = size_text((height, width))
                raise InputError(f'windows.{name}={self.windows[name]} has no pixel of {size} images: make it larger')
        return [pictures[..., top:bottom, left:right] for top, bottom, left, right in boxes]


def _details(pictures: Tensor) -> Tensor:
    """What a blur removes."""
    half = max(1, int(_BLUR * min(pictures.shape[-2:])) // 2)
    return pictures - F.avg_pool2d(F.pad(pictures, (half,) * 4, mode='replicate'), 2 * half + 1, stride=1)


def _check_window(name: str, window: Window) -> None:
    if not isinstance(window, Sequence) or isinstance(window, str) or len(window) != 4:
        raise InputError(f'windows.{name}={shown(window)} cannot work: it must be (top, bottom, left, right)')
    check_numbers(partial(check_real, 0, 1), **{f'windows.{name}': window})
    top, bottom, left, right = window
    if not (top < bottom and left < right):
        raise InputError(f'windows.{name}={shown(window)} is empty: top < bottom and left < right are needed')
