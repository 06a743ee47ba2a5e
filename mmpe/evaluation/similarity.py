"""MS-SSIM: how similar random samples are to each other, as a function and as a metric."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.numbers import MOST_WHOLE, check_whole
from mmpe.registry import METRICS

from .sized_metrics import SizedMetric, require_torchmetrics

_WEIGHTS = 0.0448, 0.2856, 0.3001, 0.2363, 0.1333  # Wang et al. 2003, sec. 3.2
_WINDOW = 11
_PAIRS_AT_ONCE = 16


def multiscale_similarity(pictures: Tensor) -> float:
    """MS-SSIM between pairs of random pictures, mean over pairs (Odena et al. 2017, sec. 4.2); lower is more varied.

    The function needs torchmetrics. A side of fewer than about 170 pixels has no room for all five scales. Then only
    the first scales count, and their weights are scaled to a sum of 1. Values at such sizes cannot be compared with
    values at other sizes.

    Args:
        pictures: (N, 3, H, W) uint8. The pairs are 0 and 1, 2 and 3, and so on.

    Returns:
        In [0, 1]. It is 1 if all pictures are equal.

    Raises:
        InputError: If there are fewer than 2 pictures, or a side has fewer than 11 pixels.

    >>> picture = torch.randint(256, (1, 3, 48, 48), generator=torch.Generator().manual_seed(0)).byte()
    >>> round(multiscale_similarity(picture.repeat(2, 1, 1, 1)), 3)
    1.0
    """
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as ms_ssim

    if len(pictures) < 2:
        raise InputError('MS-SSIM compares samples with each other: it takes at least 2')
    weights = _weights(min(pictures.shape[-2:]))
    pairs = zip(pictures[::2].split(_PAIRS_AT_ONCE), pictures[1::2].split(_PAIRS_AT_ONCE))
    similar = [
        ms_ssim(a[: len(b)].float(), b.float(), betas=weights, data_range=255.0, reduction='none') for a, b in pairs
    ]
    return torch.cat([value.reshape(-1) for value in similar]).mean().item()


def _weights(side: int) -> tuple[float, ...]:
    if side < _WINDOW:
        raise InputError(f'MS-SSIM has a window of {_WINDOW} pixels, and a side of the pictures has {side}')
    room = [n for n in range(1, len(_WEIGHTS) + 1) if side // max(1, (n - 1) ** 2) >= _WINDOW]  # torchmetrics' rule
    weights = _WEIGHTS[: room[-1]]
    return tuple(weight / sum(weights) for weight in weights)


@METRICS.register_module()
class MultiScaleSimilarity(SizedMetric):
    """MS-SSIM between random images, ``ms_ssim``: how similar they are to each other; lower is more varied.

    See :func:`multiscale_similarity`.

    Args:
        pairs: Maximum number of pairs. Progressive GAN uses 10000. Their images stay in memory: .4 MB per pair at 256
            pixels.
        **kwargs: Arguments of :class:`SizedMetric`.

    Raises:
        InputError: If torchmetrics is missing.

    >>> metric = MultiScaleSimilarity(pairs=1)
    >>> alike = torch.zeros(3, 192, 192)
    >>> metric.process(None, [dict(number=number, images={(192, 192): alike}) for number in range(2)])
    >>> metric.evaluate(2)
    {'192x192/ms_ssim': 1.0}
    """

    def __init__(self, pairs: int = 1000, **kwargs):
        check_whole(1, MOST_WHOLE // 2, pairs=pairs)
        require_torchmetrics('ms_ssim')
        super().__init__(num=2 * pairs, **kwargs)

    def describe(self, pictures: Tensor, numbers: Sequence[int]) -> Tensor:
        """The pictures themselves."""
        return pictures

    def score(self, size: Size, fakes: Tensor) -> dict[str, float]:
        """The mean over pairs."""
        return dict(ms_ssim=multiscale_similarity(fakes))
