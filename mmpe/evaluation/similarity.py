"""How alike random samples are to each other."""

from __future__ import annotations

import torch
from torch import Tensor

from mmpe.errors import InputError

_WEIGHTS = 0.0448, 0.2856, 0.3001, 0.2363, 0.1333  # Wang et al. 2003, sec. 3.2
_WINDOW = 11
_PAIRS_AT_ONCE = 16


def multiscale_similarity(pictures: Tensor) -> float:
    """MS-SSIM between pairs of random pictures, mean over pairs (Odena et al. 2017, sec. 4.2); lower is more varied.

    Needs torchmetrics.

    Args:
        pictures (Tensor): (N, 3, H, W) uint8; the pairs are 0 and 1, 2 and 3, and so on. Where a side has fewer than
            about 170 pixels there is no room for all five scales: the first ones count, with their weights scaled to a
            sum of 1, so that values at different sizes cannot be compared there.

    Returns:
        float: In [0, 1]; 1: all pictures are the same.

    Raises:
        InputError: If there are fewer than 2 pictures, or a side is under 11 pixels.
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
