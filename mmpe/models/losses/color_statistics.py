"""A loss that keeps the average colors of random images at those of the picture."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce
from torch import Tensor

from mmpe.registry import MODELS

from .batches import PictureBatch
from .loss import Loss

_RUNNING = 'running_color_stats'
_NEWEST = 0.05  # share of an image in the running statistics, once there have been many


def color_stats(images: Tensor) -> Tensor:
    """Mean and variance of each channel of (N, C, H, W), as (2, C), float32.

    >>> color_stats(torch.tensor([[[[0.0, 2.0]]]])).tolist()
    [[1.0], [1.0]]
    """
    images = images.float()
    return torch.stack((images.mean((0, 2, 3)), images.var((0, 2, 3), correction=0)))


def color_statistics_loss(image: Tensor, running: Tensor, wanted: Tensor) -> Tensor:
    """The squared error between running and wanted color statistics, to be differentiated by one of many images.

    A single image may be darker than the picture, as long as others are brighter. So the gradient by an image is not
    that of its own error, but its share of the gradient of the average's error.

    Args:
        image: (N, C, H, W).
        running: :func:`color_stats` averaged over many such images, (2, C).
        wanted: :func:`color_stats` of the picture, (2, C).

    Returns:
        A scalar. Its gradient by the image is that of the squared error of channel means and standard deviations. Its
        value has no meaning.

    >>> image = torch.zeros(1, 1, 1, 2, requires_grad=True)
    >>> wanted = torch.tensor([[0.5], [0.0]])  # images are too dark by .5, on average
    >>> color_statistics_loss(image, color_stats(image), wanted).backward()
    >>> image.grad.tolist()
    [[[[-0.5, -0.5]]]]
    """
    error = _deviations(running) - _deviations(wanted)
    return 2 * (error.detach() * _deviations(color_stats(image))).sum()


def _deviations(mean_and_variance: Tensor) -> Tensor:
    mean, variance = mean_and_variance
    return torch.stack((mean, variance.clamp_min(1e-6).sqrt()))


@MODELS.register_module()
class ColorStatisticsLoss(Loss):
    """:func:`color_statistics_loss` between random images and the picture, for a generator with frozen normalization.

    With stored statistics, random images would be paler than the picture. The reconstruction has stronger features and
    sets the contrast, and the discriminator normalizes each image by itself, so it does not see the difference. So the
    loss begins when the normalization is frozen.

    >>> MODELS.build(dict(type='ColorStatisticsLoss', weight=3.0)).memory
    {'running_color_stats': (2, 3)}
    """

    batch_type = PictureBatch
    needs_reals = True
    memory = {_RUNNING: (2, 3)}

    def loss_of_fakes(self, batch: PictureBatch) -> Tensor | None:
        """See :func:`color_statistics_loss`. None before the normalization is frozen."""
        if batch.images_since_frozen is None:
            return None
        found = color_stats(batch.fakes.detach())
        all_reduce(found, op='mean')
        running = batch.memory[_RUNNING]
        running.lerp_(found, _share_of_newest(batch.images_since_frozen))
        return self.factor * color_statistics_loss(batch.fakes, running, color_stats(batch.reals))


def _share_of_newest(images_before: int | Tensor) -> float | Tensor:
    share = 1 / (1 + images_before)
    return share.clamp_min(_NEWEST) if isinstance(share, Tensor) else max(_NEWEST, share)
