"""Distances between the features of real pictures and of samples: pure functions of (N, D) tensors."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from mmpe.errors import InputError

_DISTANCES_AT_ONCE = 2**25


# torchmetrics' FID takes eigenvalues of the product of both covariances. With fewer pictures than features most of them
# are zeros that come out as +-1e-13, whose roots add up: -4e-4 between equal sets of 50 pictures, and not 0.
def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Frechet distance of the normal distributions that fit two sets of features best (FID; Heusel et al. 2017, eq. 6).

    It is computed in float64. The trace of the geometric mean of the covariances is the sum of the singular values of
    the product of the centered sets. This is exact for any number of features and samples.

    Args:
        a: (N, D).
        b: (M, D).

    Returns:
        At least 0. It is 0 if means and covariances are equal.

    Raises:
        InputError: If a set has fewer than 2 members.

    >>> real = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
    >>> round(frechet_distance(real, real + 3), 3)  # four means, each off by 3
    36.0
    """
    if min(len(a), len(b)) < 2:
        raise InputError('FID compares covariances: it takes at least 2 pictures of each kind')
    a, b = a.double(), b.double()
    return _frechet(a.mean(0), _root_of_samples(a), b.mean(0), _root_of_samples(b))


def frechet_distance_of_moments(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> float:
    """:func:`frechet_distance` from means (D,) and covariances (D, D), which may be singular.

    >>> frechet_distance_of_moments(torch.zeros(2), torch.eye(2), torch.ones(2), torch.eye(2))
    2.0
    """
    roots = (_root_of_matrix(cov.double()) for cov in (cov_a, cov_b))
    return _frechet(mean_a.double(), next(roots), mean_b.double(), next(roots))


def _frechet(mean_a: Tensor, root_a: Tensor, mean_b: Tensor, root_b: Tensor) -> float:
    """The distance from roots R (any, D) of the covariances R' R."""
    spread = root_a.square().sum() + root_b.square().sum() - 2 * torch.linalg.svdvals(root_a @ root_b.T).sum()
    return ((mean_a - mean_b).square().sum() + spread).clamp(min=0).item()


def _root_of_samples(samples: Tensor) -> Tensor:
    centered = (samples - samples.mean(0)) / (len(samples) - 1) ** 0.5
    return torch.linalg.qr(centered, mode='r').R if len(centered) > centered.shape[1] else centered


def _root_of_matrix(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return values.clamp(min=0).sqrt()[:, None] * vectors.T


def kernel_distance(a: Tensor, b: Tensor, subsets: int = 100, subset_size: int = 1000, seed: int = 0) -> float:
    """Kernel distance (KID; Binkowski et al. 2018): the unbiased squared maximum mean discrepancy, mean over subsets.

    The kernel is (x . y / D + 1)^3. The function needs torchmetrics.

    Args:
        a: (N, D).
        b: (M, D).
        subsets: Number of random subsets. A single one is used if it holds both sets.
        subset_size: Number of members per subset. Smaller if a set has fewer members.
        seed: Seed of the subsets. PyTorch's global generator is left unchanged.

    Returns:
        Near 0, and possibly negative, for equal distributions. It is often reported times 1000.

    Raises:
        InputError: If a set has fewer than 2 members.

    >>> real, fake = torch.randn(2, 64, 8, generator=torch.Generator().manual_seed(0))
    >>> kernel_distance(real, fake + 2) > kernel_distance(real, fake)
    True
    """
    from torchmetrics.image.kid import KernelInceptionDistance

    if min(len(a), len(b)) < 2:
        raise InputError('KID compares pairs: it takes at least 2 pictures of each kind')
    size = min(subset_size, len(a), len(b))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # torchmetrics warns that it will keep all features, which are in memory anyway
        metric = KernelInceptionDistance(
            nn.Identity(),
            subsets=1 if size == max(len(a), len(b)) else subsets,
            subset_size=size,
            sync_on_compute=False,  # other processes have handed their features over, and would not answer
        )
    metric.update(a.double(), real=True)
    metric.update(b.double(), real=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return metric.compute()[0].item()


def precision_recall(real: Tensor, fake: Tensor, neighbours: int = 3) -> tuple[float, float]:
    """Improved precision and recall (Kynkaanniemi et al. 2019, sec. 2).

    A set's manifold is the union of balls around its members, each as large as the distance to its k-th nearest
    neighbour.

    Args:
        real: (N, D).
        fake: (M, D).
        neighbours: k.

    Returns:
        Precision, the share of fakes that lie on the real manifold, and recall, the share of real ones that lie on the
        fake manifold. Both are in [0, 1].

    Raises:
        InputError: If a set has no more than ``neighbours`` members.

    >>> real = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    >>> precision_recall(real, torch.cat((real, real + 100)))  # all real ones, and as many far away
    (0.5, 1.0)
    """
    if min(len(real), len(fake)) <= neighbours:
        raise InputError(f'precision and recall with {neighbours} neighbours take more than {neighbours} pictures')
    center = real.mean(0)  # distances are computed from products, which lose digits far from the origin
    real, fake = real - center, fake - center
    return _share_inside(fake, real, neighbours), _share_inside(real, fake, neighbours)


def _share_inside(points: Tensor, manifold: Tensor, neighbours: int) -> float:
    # the nearest neighbour of a point is the point itself
    radii = torch.cat([part.kthvalue(neighbours + 1).values for part in _distances(manifold, manifold)])
    inside = [(part <= radii).any(1) for part in _distances(points, manifold)]
    return torch.cat(inside).double().mean().item()


def _distances(a: Tensor, b: Tensor):
    """The rows of the (N, M) distances, a block at a time."""
    for part in a.split(max(1, _DISTANCES_AT_ONCE // len(b))):
        yield torch.cdist(part, b)
