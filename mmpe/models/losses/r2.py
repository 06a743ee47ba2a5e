"""The R2 penalty of "Which Training Methods for GANs do actually Converge?" (Mescheder et al., ICML 2018)."""

from __future__ import annotations

from torch import Tensor

from mmpe.registry import MODELS

from .batches import DiscriminatorBatch
from .r1 import R1Penalty


@MODELS.register_module()
class R2Penalty(R1Penalty):
    """:class:`R1Penalty` on generated images in place of real ones, with the same arguments.

    >>> MODELS.build(dict(type='R2Penalty', weight=2)).factor
    1.0
    """

    def images(self, batch: DiscriminatorBatch) -> Tensor:
        """Generated images, at the precision of real ones."""
        return batch.fakes.to(batch.reals)
