"""The scale consistency of "Arbitrary-Scale Image Synthesis" (Ntavelis et al., CVPR 2022)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mmpe.numbers import check_above
from mmpe.registry import MODELS

from .batches import StyleBatch
from .loss import Loss, Term


def scale_consistency(image: Tensor, larger: Tensor) -> Tensor:
    """Mean absolute difference between images (N, C, H, W) and larger ones, which are reduced to their size; a scalar.

    Reduction is bilinear with antialiasing, as a larger image may have detail that the smaller one cannot show. The
    authors reduce without antialiasing.

    >>> import torch
    >>> scale_consistency(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 4, 4))
    tensor(1.)
    """
    return F.l1_loss(F.interpolate(larger.float(), image.shape[-2:], mode='bilinear', antialias=True), image.float())


@MODELS.register_module()
class ScaleConsistencyLoss(Loss):
    """:func:`scale_consistency` of the same styles' images at an update's scale and at a larger one, for the generator.

    Both images learn. It goes with ``ScaleConsistentGrid``, the encoding whose cells look at the same places at every
    scale. Injected noise, which is drawn for each size, counts as a difference.

    Args:
        enlarge: How many times larger the larger image's base grid is, above 1. The authors train 4 cells and 6.
        weight: As theirs.
        interval: See :class:`~mmpe.models.losses.Loss`.

    Raises:
        InputError: If an argument cannot be used.

    >>> MODELS.build(dict(type='ScaleConsistencyLoss')).larger_base((4, 8))
    (6, 12)
    """

    batch_type = StyleBatch

    def __init__(self, enlarge: float = 1.5, weight: float = 0.1, interval: int = 1):
        check_above(1, enlarge=enlarge)
        super().__init__(weight, interval)
        self.enlarge = enlarge

    def larger_base(self, base: tuple[int, int]) -> tuple[int, int]:
        """The (height, width) of the larger image's base grid, at least one cell more on each side."""
        height, width = (max(side + 1, round(side * self.enlarge)) for side in base)
        return height, width

    def generator_terms(self, batch: StyleBatch) -> list[Term]:
        """One term, of images of its own."""

        def compare() -> Tensor:
            styles, synthesize = batch.draw_styles('scale consistency', batch.num)
            larger = synthesize(styles, self.larger_base(batch.base))
            return self.factor * scale_consistency(synthesize(styles), larger)

        return [(self.logged_as, compare)]
