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
    """Time how fast pictures come from a folder or an LMDB, beside a plain loop of Pillow, and how fast a folder is
    listed.

    All ways take turns in one process, a round each, and the medians of the rounds are printed. The pictures are JPEGs,
    which are made of scikit-image's photographs, or those of a folder of yours.

    Args:
        pictures: pictures of yours; default: JPEGs that are made for this
        num: how many are made
        side: their height and width in pixels
        size: what they are resized to
        rounds: how often each way is timed
        files: that are listed
    """
    print(time_pictures(pictures, num, side, size, rounds, files))
