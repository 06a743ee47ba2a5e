"""Scores of a model that was trained on one picture, without a pretrained network."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmpe.errors import InputError
from mmpe.registry import METRICS

from .layout import diversity, rmse, structure
from .texture import patch_distance

_SMALLEST = 20  # a quarter of it still holds a 5x5 patch


def single_picture_scores(samples: Tensor, picture: Tensor, reconstruction: Tensor | None = None) -> dict[str, float]:
    """Score random samples of one picture, and its reconstruction.

    ===================== ================================================================= ==============
    name                  what it measures                                                  better
    ===================== ================================================================= ==============
    structure             similarity of the layout to the picture's, -1 to 1                higher
    diversity             how much samples differ from each other, 0 to about 1             higher
    swd_3x3, swd_7x7      distance of texture from the picture's, at full size, from 0      lower
    swd_5x5_half          the same distance at half the size                                lower
    swd_5x5_quarter       the same distance at a quarter of the size                        lower
    reconstruction_rmse   error of the reconstruction, from 0                               lower
    ===================== ================================================================= ==============

    There is a trade-off between structure and diversity: copies of the picture have a structure of 1 and a diversity
    of 0.

    Args:
        samples: (N, 3, H', W'), at least two, of any size. They are clipped to [-1, 1], as in files.
        picture: (1, 3, H, W) in [-1, 1].
        reconstruction: (1, 3, H, W), not clipped. None leaves its score out.

    Returns:
        The scores by name, in the order of the table.

    Raises:
        InputError: If there is only one sample, or a side of the images has fewer than 20 pixels.

    >>> import torch
    >>> picture = torch.linspace(-1, 1, 32).expand(1, 3, 32, 32)
    >>> scores = single_picture_scores(picture.expand(2, -1, -1, -1), picture)
    >>> round(scores['structure'], 3), scores['diversity']
    (1.0, 0.0)
    """
    if min(*samples.shape[-2:], *picture.shape[-2:]) < _SMALLEST:
        raise InputError(f'the scores compare patches of quarter-size images: no side may be under {_SMALLEST} pixels')
    samples = samples.clamp(-1, 1)
    scores = dict(
        structure=structure(samples, picture),
        diversity=diversity(samples, picture),
        swd_3x3=patch_distance(samples, picture, 3),
        swd_7x7=patch_distance(samples, picture, 7),
        swd_5x5_half=patch_distance(samples, picture, 5, shrink=2),
        swd_5x5_quarter=patch_distance(samples, picture, 5, shrink=4),
    )
    if reconstruction is not None:
        scores['reconstruction_rmse'] = rmse(reconstruction, picture)
    return scores


@METRICS.register_module()
class SinglePictureScores(BaseMetric):
    """:func:`single_picture_scores` in MMEngine's evaluation; the mean over pictures where there are several.

    A data sample is what a model made of one picture, ``dict(samples=(N, 3, H', W'), picture=(1, 3, H, W))``, and
    ``reconstruction=(1, 3, H, W)`` where there is one.

    >>> import torch
    >>> picture = torch.rand(1, 3, 24, 32) * 2 - 1
    >>> metric = SinglePictureScores()
    >>> metric.process(None, [dict(samples=picture.repeat(2, 1, 1, 1), picture=picture, reconstruction=picture)])
    >>> metric.evaluate(1)['single_picture/diversity']
    0.0
    """

    default_prefix = 'single_picture'

    def process(self, data_batch, data_samples: Sequence[dict]) -> None:
        """Score the pictures of a batch."""
        for sample in data_samples:
            self.results.append(
                single_picture_scores(sample['samples'], sample['picture'], sample.get('reconstruction'))
            )

    def compute_metrics(self, results: list[dict[str, float]]) -> dict[str, float]:
        """The mean of each score over pictures."""
        return {name: sum(scores[name] for scores in results) / len(results) for name in results[0]}
