"""The reconstruction loss of SinGAN (Shaham et al., ICCV 2019, section 2.3)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mmpe.registry import MODELS

from .batches import PictureBatch
from .loss import Loss, Term


@MODELS.register_module()
class ReconstructionLoss(Loss):
    """Mean squared error between the picture and what the generator makes of its fixed noise, for the generator.

    >>> MODELS.build(dict(type='ReconstructionLoss', weight=10)).weight
    10
    """

    batch_type = PictureBatch
    needs_reals = True

    def generator_terms(self, batch: PictureBatch) -> list[Term]:
        """One term, of an image of its own."""

        def reconstruct() -> Tensor:
            return self.factor * F.mse_loss(batch.reconstruct().float(), batch.reals)

        return [(self.logged_as, reconstruct)]
