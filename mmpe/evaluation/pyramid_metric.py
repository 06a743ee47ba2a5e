"""Progressive GAN's sliced Wasserstein distance, as a metric."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mmpe.grid import Size
from mmpe.numbers import check_whole
from mmpe.registry import METRICS

from .laplacian_pyramid import pyramid_distance, pyramid_neighbourhoods
from .sized_metrics import RealSetMetric


@METRICS.register_module()
class SlicedWasserstein(RealSetMetric):
    """Progressive GAN's distance of details, ``swd``: mean over levels of the pyramid, times 1000; lower is better.

    See :mod:`mmpe.evaluation.laplacian_pyramid`. No network is needed. Progressive GAN uses ``num=16384``, which takes
    3 GB of memory for images of 256 pixels, and another 3 GB for real pictures.

    Args:
        num: Maximum number of images, and of real pictures.
        neighbourhoods: Number of neighbourhoods per level and picture.
        **kwargs: Arguments of :class:`RealSetMetric` and :class:`SizedMetric`.

    >>> import torch
    >>> metric = SlicedWasserstein(num=4, real=dict(type='DrawnFaces', num=4, size=32))
    >>> metric.describe(torch.zeros(2, 3, 32, 32, dtype=torch.uint8), [0, 1]).shape
    torch.Size([2, 2, 128, 7, 7, 3])
    """

    def __init__(self, num: int = 4096, neighbourhoods: int = 128, **kwargs):
        check_whole(1, neighbourhoods=neighbourhoods)
        super().__init__(num=num, **{'num_real': num, **kwargs})
        self.neighbourhoods = neighbourhoods

    @property
    def fingerprint(self) -> str:
        """The number of neighbourhoods."""
        return f'pyramid of {self.neighbourhoods}'

    def describe(self, pictures: Tensor, numbers: Sequence[int]) -> Tensor:
        """Neighbourhoods (N, L, count, 7, 7, 3)."""
        return pyramid_neighbourhoods(pictures, numbers, self.neighbourhoods)

    def score(self, size: Size, fakes: Tensor) -> dict[str, float]:
        """The distance."""
        return dict(swd=pyramid_distance(self.real[size].to(self.device), fakes))
