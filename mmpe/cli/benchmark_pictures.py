"""``mmpe benchmark-pictures``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from mmpe.arguments import Count
from mmpe.benchmarks.pictures import time_pictures

from .from_signatures import command


@command('--side 1024 --size 256 --files 100000')
def main(
    *,
    pictures: Annotated[str | None, Parameter(metavar='FOLDER')] = None,
    num: Count = 64,
    side: Count = 1024,
    size: Count = 256,
    rounds: Count = 5,
    files: Count = 20_000,
) -> None:
    """Time reading pictures from a folder or an LMDB, compared with a plain loop over Pillow, and listing a folder.

    All ways take turns in one process, one round each, and the medians over rounds are printed. The pictures are JPEGs
    that are made from scikit-image's photographs, or those of your own folder.

    Args:
        pictures: your own pictures; default: JPEGs that are made for this
        num: number of JPEGs that are made
        side: their height and width in pixels
        size: side in pixels that pictures are resized to
        rounds: number of rounds
        files: number of files in the listing
    """
    print(time_pictures(pictures, num, side, size, rounds, files))
