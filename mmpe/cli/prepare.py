"""``mmpe prepare``."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from mmpe.apis.launchers import Rank
from mmpe.apis.prepare import FORMATS, MOST_WORKERS, prepare
from mmpe.arguments import Side, Text, real, whole
from mmpe.datasets.picture_files import MAX_PIXELS, MOST_PIXELS, REDUCING_GAP
from mmpe.names import printable
from mmpe.numbers import size_text

from .from_signatures import command

SHOWN = 100  # of the pictures that are left out


def read_gap(text: str) -> float | None:
    """Read a reducing gap: a number, or "none" for decoding in full."""
    return None if text.lower() == 'none' else real(1).read(text)


@command('my_folder my_folder_256.lmdb --size 256')
def main(
    pictures: Annotated[str, Parameter(name='FOLDER')],
    out: Annotated[str, Parameter(name='OUT.lmdb')],
    /,
    *,
    size: Side,
    format: Literal[tuple(FORMATS)] = 'webp',
    workers: Annotated[int, whole(0, MOST_WORKERS, metavar='N')] = Rank().cores,
    skip_unreadable: bool = False,
    max_pixels: Annotated[int, whole(1, MOST_PIXELS, metavar='N')] = MAX_PIXELS,
    reducing_gap: Annotated[float | None, Text(read_gap, 'TIMES')] = REDUCING_GAP,
    overwrite: bool = False,
) -> None:
    """Write the pictures of a folder, resized once, to an LMDB that training reads in their place.

    OUT.lmdb holds the pictures that a data set of that size would give, to the bit and in the same order. They are
    shrunk or enlarged until they just cover the size, and cropped to their center. OUT.lmdb appears when it is
    complete. A run that was stopped leaves nothing behind, and starts anew.

    Args:
        pictures: a folder, nested ones too, or an LMDB
        out: the file to write, not in FOLDER
        size: height and width in pixels, such as 256
        format: lossless format of the pictures: webp is smallest, png most widely read, bmp fastest
        workers: processes that read and resize, usually one per CPU core
        skip_unreadable: leave out pictures that cannot be read; without it the first one ends the run
        max_pixels: maximum number of pixels of a picture
        reducing_gap: a JPEG is decoded at 1/2, 1/4 or 1/8 of its size as long as that leaves this many times --size, or
            with "none" always in full
        overwrite: replace OUT.lmdb if it is there
    """
    prepared = prepare(pictures, out, size, format, workers, skip_unreadable, max_pixels, reducing_gap, overwrite)
    print(f'wrote {printable(out)}: {prepared.num_pictures} pictures of {size_text((size, size))} pixels')
    if prepared.left_out:
        print(f'{len(prepared.left_out)} pictures could not be read and are left out:')
        print('\n'.join(f'  {why}' for why in prepared.left_out[:SHOWN]))
        if len(prepared.left_out) > SHOWN:
            print(f'  and {len(prepared.left_out) - SHOWN} more')
