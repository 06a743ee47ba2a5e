"""The Wasserstein loss ("Wasserstein GAN", Arjovsky et al., ICML 2017) and the drift penalty of its scores."""

from __future__ import annotations

from torch import Tensor

from mmpe.numbers import check_real
from mmpe.registry import MODELS

from .separate import SeparateLoss


def wasserstein(scores: Tensor, real: bool) -> Tensor:
    """The Wasserstein loss of scores, which should be high for real images and low for generated ones.

    Args:
        scores: One score per image, or a map of scores.
        real: Whether the images are real.

    Returns:
        A scalar.

    >>> import torch
    >>> wasserstein(torch.tensor([[1.0], [3.0]]), real=True)
    tensor(-2.)
    """
    return -scores.mean() if real else scores.mean()


def drift(scores: Tensor) -> Tensor:
    """Half of the mean square of scores, a scalar, which keeps them near 0 (Progressive GAN, appendix A.1).

    >>> import torch
    >>> drift(torch.tensor([[1.0], [3.0]]))
    tensor(2.5000)
    """
    return scores.square().mean() / 2


@MODELS.register_module()
class WassersteinLoss(SeparateLoss):
    """:func:`wasserstein`, for discriminator and generator, with :func:`drift` for the discriminator.

    Args:
        drift_weight: Weight of the drift, at least 0.
        **settings: ``weight`` and ``interval``, see :class:`~mmpe.models.losses.Loss`.

    Raises:
        InputError: If a weight or the interval cannot be used.

    >>> import torch
    >>> loss = MODELS.build(dict(type='WassersteinLoss', drift_weight=0.1))
    >>> loss.of_scores(torch.tensor([[1.0], [3.0]]), real=False)
    tensor(2.2500)
    """

    def __init__(self, drift_weight: float = 0.0, **settings):
        check_real(0, drift_weight=drift_weight)
        super().__init__(**settings)
        self.drift_weight = drift_weight

    def of_scores(self, scores: Tensor, real: bool) -> Tensor:
        """See :func:`wasserstein` and :func:`drift`."""
        loss = wasserstein(scores, real)
        return loss + self.drift_weight * drift(scores) if self.drift_weight else loss

    def of_fooled_scores(self, scores: Tensor) -> Tensor:
        """See :func:`wasserstein`."""
        return wasserstein(scores, real=True)
