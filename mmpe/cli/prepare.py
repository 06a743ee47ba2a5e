"""Write the pictures of a folder, resized once, to an LMDB that training reads in their place.

OUT.lmdb holds what a data set of that size would make of the folder, to the bit and in the same order: pictures are
shrunk or enlarged until they just cover the size, and cut to their center. It appears when it is complete; a run that
was stopped leaves nothing, and starts anew.
"""

import argparse

from mmpe.apis.command_line import command, parser, real, size, whole
from mmpe.apis.launchers import Rank
from mmpe.apis.prepare import FORMATS, MOST_WORKERS, prepare
from mmpe.datasets.pictures import MAX_PIXELS, MOST_PIXELS, REDUCING_GAP
from mmpe.names import printable
from mmpe.numbers import size_text

SHOWN = 100  # of the pictures that are left out


def parse_args():
    p = parser(__doc__, 'my_folder my_folder_256.lmdb --size 256')
    p.add_argument('pictures', metavar='FOLDER', help='a folder, nested ones too, or an LMDB')
    p.add_argument('out', metavar='OUT.lmdb', help='the file to write, not in FOLDER')
    p.add_argument('--size', type=side, required=True, help='height and width in pixels, such as 256')
    p.add_argument(
        '--format',
        choices=list(FORMATS),
        default='webp',
        help='of the pictures, all lossless: webp is smallest, png most widely read, bmp fastest; default: %(default)s',
    )
    p.add_argument(
        '--workers',
        type=whole(0, MOST_WORKERS),
        default=Rank().cores,
        metavar='N',
        help='processes that read and resize; default: one a CPU core, here %(default)s',
    )
    p.add_argument(
        '--skip-unreadable', action='store_true', help='leave out pictures that cannot be read; the first ends the run'
    )
    p.add_argument(
        '--max-pixels',
        type=whole(1, MOST_PIXELS),
        default=MAX_PIXELS,
        metavar='N',
        help='how many pixels a picture may have; default: %(default)s',
    )
    p.add_argument(
        '--reducing-gap',
        type=gap,
        default=REDUCING_GAP,
        metavar='TIMES',
        help='a JPEG is decoded at 1/2, 1/4 or 1/8 of its size as long as that leaves this many times --size, or with '
        '"none" always in full; default, as in data sets: %(default)s',
    )
    p.add_argument('--overwrite', action='store_true', help='replace OUT.lmdb if it is there')
    return p.parse_args()


def side(text):
    """The side of a square."""
    height, width = size(text)
    if height != width:
        raise argparse.ArgumentTypeError(f'data sets have squares, such as 256, not {size_text((height, width))}')
    return height


def gap(text):
    return None if text.lower() == 'none' else real(1)(text)


@command
def main():
    args = parse_args()
    options = {name: value for name, value in vars(args).items() if name not in ('pictures', 'out')}
    prepared = prepare(args.pictures, args.out, **options)
    square = size_text((args.size, args.size))
    print(f'wrote {printable(args.out)}: {prepared.num_pictures} pictures of {square} pixels')
    if prepared.left_out:
        print(f'{len(prepared.left_out)} pictures could not be read and are left out:')
        print('\n'.join(f'  {why}' for why in prepared.left_out[:SHOWN]))
        if len(prepared.left_out) > SHOWN:
            print(f'  and {len(prepared.left_out) - SHOWN} more')
