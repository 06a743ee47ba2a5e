"""``mmpe features``."""

from __future__ import annotations

from pathlib import Path

from mmpe.apis.features import train_face_features
from mmpe.apis.results import check_result
from mmpe.arguments import Count, Seed
from mmpe.errors import InputError
from mmpe.evaluation import FaceFeatures

from .from_signatures import command
from .options import Overwrite


@command('face_features.pth')
def main(out: Path, /, *, iterations: Count = 600, seed: Seed = 0, overwrite: Overwrite = False) -> None:
    """Train the network whose features compare drawn faces. It takes some minutes, and mmpe comes with a trained one.

    Args:
        out: the file to write
        iterations: number of batches of 64 faces
        seed: seed of the initial weights
    """
    check_result(out, (), overwrite, is_own)
    accuracy = train_face_features(out, iterations, seed)
    print('\n'.join(f'{name:12} {share:7.1%} right' for name, share in accuracy.items()))
    print(f'wrote {out}')


def is_own(file: Path) -> bool:
    """Whether a file holds such a network."""
    try:
        FaceFeatures(file)
    except InputError:
        return False
    return True
