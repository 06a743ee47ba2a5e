"""FID, KID, and improved precision and recall, as a metric."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.numbers import check_whole
from mmpe.registry import METRICS

from .features import frechet_distance, kernel_distance, precision_recall
from .network import build_network, network_fingerprint
from .sized_metrics import RealSetMetric, require_torchmetrics


@METRICS.register_module()
class FeatureMetrics(RealSetMetric):
    """Scores of the features of a network. The network runs once per picture, for all scores.

    =================== ====================== =========================================================== ========
    in ``scores``       key                    what it measures                                            better
    =================== ====================== =========================================================== ========
    fid                 fid                    Frechet distance; depends on the number of images           lower
    kid                 kid                    kernel distance, not multiplied by 1000; about 0 at best    lower
    precision_recall    precision              share of images that look like real ones, 0 to 1            higher
    |                   recall                 share of real pictures that the model can make, 0 to 1      higher
    =================== ====================== =========================================================== ========

    The paper's FID50k is of 50,000 images, with ``inception-2015-12-05.pt``. Its precision and recall are with
    ``vgg16.pt``, for which a second ``FeatureMetrics`` is needed.

    Args:
        network: The path or URL of a TorchScript file, or a dict, see :func:`~mmpe.evaluation.network.build_network`.
            There is no default.
        scores: The scores to compute.
        neighbours: The k of precision and recall: a ball reaches to the k-th nearest neighbour.
        **kwargs: Arguments of :class:`RealSetMetric` and :class:`SizedMetric`.

    Raises:
        InputError: If there is no such network, no such score, or no real pictures, or torchmetrics is missing.

    >>> from mmpe.evaluation import FeatureMetrics
    >>> FeatureMetrics('inception-2015-12-05.pt', scores=['fid'], real=dict(type='DrawnFaces', num=8, size=32))
    Traceback (most recent call last):
    mmpe.errors.InputError: there is no feature network at inception-2015-12-05.pt: ...
    """

    def __init__(
        self,
        network: str | dict | None = None,
        scores: Sequence[str] = ('fid', 'kid', 'precision_recall'),
        real: dict | None = None,
        neighbours: int = 3,
        **kwargs,
    ):
        known = dict(fid=self._fid, kid=self._kid, precision_recall=self._precision_recall)
        unknown = [name for name in scores if name not in known]
        if unknown or not scores:
            raise InputError(f'scores are some of {", ".join(known)}, not {", ".join(unknown) or "none"}')
        check_whole(1, neighbours=neighbours)
        if 'kid' in scores:
            require_torchmetrics('kid')
        super().__init__(real=real, **kwargs)
        self.scorers = [known[name] for name in scores]
        self.neighbours = neighbours
        self.network = build_network(network)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the network."""
        return network_fingerprint(self.network)

    def describe(self, pictures: Tensor, numbers: Sequence[int]) -> Tensor:
        """Features (N, D).

        Raises:
            InputError: If the network does not take such pictures or does not give such features.
        """
        self.network.to(self.device)
        try:
            features = self.network(pictures)
        except torch.cuda.OutOfMemoryError:
            raise
        except (RuntimeError, TypeError, torch.jit.Error) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
            raise InputError(
                f'the feature network does not take uint8 pictures {tuple(pictures.shape)}: {reason}. '
                'network=dict(path=..., size=..., value_range=...) says what it takes'
            ) from error
        if not isinstance(features, Tensor) or features.ndim < 2 or len(features) != len(pictures):
            shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
            raise InputError(f'the feature network gave {shape} for {len(pictures)} pictures, and not (N, D)')
        return features.flatten(1).float()

    def score(self, size: Size, fakes: Tensor) -> dict[str, float]:
        """All scores that ``scores`` names."""
        real = self.real[size].to(self.device)
        return {name: value for scorer in self.scorers for name, value in scorer(real, fakes).items()}

    def _fid(self, real: Tensor, fakes: Tensor) -> dict[str, float]:
        return dict(fid=frechet_distance(real.cpu(), fakes.cpu()))  # not every device has float64

    def _kid(self, real: Tensor, fakes: Tensor) -> dict[str, float]:
        return dict(kid=kernel_distance(real.cpu(), fakes.cpu()))

    def _precision_recall(self, real: Tensor, fakes: Tensor) -> dict[str, float]:
        return dict(zip(('precision', 'recall'), precision_recall(real, fakes, self.neighbours)))
