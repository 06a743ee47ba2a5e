"""Seamless textures."""

from __future__ import annotations

from mmpe.apis.command_line import size, whole
from mmpe.editing import tile
from mmpe.editing.edited import Edited
from mmpe.editing.torus import AXES, repeat

from .common import add_draws, add_task

_NUMBERS_REPEATED = 2**26  # a sheet with more of them could not be looked at


def add_tasks(tasks) -> None:
    """Add ``tile``."""
    p = add_task(
        tasks,
        'tile',
        run_tile,
        'Seamless textures, which continue themselves.',
        '--axes both --size 128x128 --repeat 2',
    )
    add_draws(p)
    p.add_argument(
        '--axes',
        choices=AXES,
        default='both',
        help='x: left and right continue each other; y: top and bottom do; default: %(default)s',
    )
    p.add_argument(
        '--size',
        type=size,
        metavar='HEIGHTxWIDTH',
        help="of a texture, in pixels; default: the picture's, on axes that wrap twice that if the texture is laid out "
        'as the picture, by an encoding or a start scale',
    )
    p.add_argument(
        '--start-scale',
        type=whole(0),
        default=0,
        metavar='K',
        help='first scale with random noise; above 0: the texture is laid out as the picture and its mirror images; '
        'default: %(default)s',
    )
    p.add_argument(
        '--repeat',
        type=whole(1, 1000),
        default=2,
        metavar='TIMES',
        help='how often the sheet repeats each, unless it is huge; default: %(default)s',
    )


def run_tile(model, args) -> Edited:
    """The task."""
    edited = tile(model, args.size, args.axes, args.num, args.seed, args.start_scale)
    for i, image in enumerate(edited.images.split(1)):
        if (i + 1) * args.repeat**2 * image.numel() <= _NUMBERS_REPEATED:
            edited.before[f'{i}, repeated'] = repeat(image, args.repeat, args.axes)
    return edited
