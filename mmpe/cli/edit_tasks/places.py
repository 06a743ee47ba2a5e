"""Edits of the layout: what is seen where."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmpe.apis.command_line import real, size, whole
from mmpe.datasets.pictures import read_picture
from mmpe.editing import duplicate, mirror, move, remove, scale
from mmpe.editing.edited import Edited
from mmpe.editing.edits.retarget import ANCHORS, BEYOND, MODES, retarget
from mmpe.editing.edits.transfer_layout import transfer_layout
from mmpe.editing.edits.warp import warp
from mmpe.editing.masks import box_mask, read_mask
from mmpe.numbers import shown

from .common import add_draws, add_task


def add_tasks(tasks) -> None:
    """Add ``retarget``, ``move``, ``duplicate``, ``scale``, ``mirror``, ``remove``, ``warp`` and ``layout``."""
    _add_retarget(tasks)
    _add_moves(tasks)
    _add_warps(tasks)


def _add_retarget(tasks) -> None:
    p = add_task(tasks, 'retarget', run_retarget, 'Another size with the layout kept.', '--size 64x192 --mode extend')
    p.add_argument('--size', type=size, required=True, metavar='HEIGHTxWIDTH', help='in pixels')
    p.add_argument(
        '--mode',
        nargs='+',
        choices=MODES,
        metavar='MODE',
        help='stretch what there is, or extend the picture; one for both axes, or one for rows and one for columns; '
        'default: what the encoding does by itself',
    )
    p.add_argument('--anchor', choices=ANCHORS, help="where the picture stays; default: the encoding's own")
    p.add_argument(
        '--beyond',
        choices=BEYOND,
        help="what comes beyond the picture: its edge's texture, its mirror image, or ever larger coordinates; "
        'default: what the encoding is fit for',
    )
    _add_drawing(p, start_scale=None, default='0 if an axis is extended and there is an encoding, else 1')


def _add_moves(tasks) -> None:
    p = add_task(tasks, 'move', run_move, 'Move a part of the picture.', '--box 27,10,10,33 --by=14,0')
    _add_region(p)
    _add_by(p)
    _add_seam(p)
    _add_drawing(p)
    p = add_task(tasks, 'duplicate', run_duplicate, 'Show a part of the picture twice.', '--box 27,10,10,33 --by=-13,0')
    _add_region(p)
    _add_by(p)
    _add_seam(p)
    _add_drawing(p)
    p = add_task(
        tasks, 'scale', run_scale, 'Make a part of the picture larger or smaller.', '--box 27,10,10,33 --factor 0.6'
    )
    _add_region(p)
    p.add_argument('--factor', type=real(0), required=True, help='2 is twice as high and wide')
    p.add_argument(
        '--anchor',
        choices=('bottom', 'center', 'top'),
        default='bottom',
        help='what of it stays in place; default: %(default)s',
    )
    _add_seam(p)
    _add_drawing(p)
    p = add_task(tasks, 'mirror', run_mirror, 'Mirror a part of the picture.', '--box 0,0,36,43 --axis x')
    _add_region(p)
    p.add_argument(
        '--axis',
        choices=('x', 'y'),
        default='x',
        help='x: swap left and right, y: top and bottom; default: %(default)s',
    )
    _add_seam(p)
    _add_drawing(p)
    p = add_task(tasks, 'remove', run_remove, 'Take a part out of the picture.', '--mask rocket.png')
    _add_region(p)
    _add_drawing(p)


def _add_warps(tasks) -> None:
    p = add_task(
        tasks, 'warp', run_warp, 'Bend the picture by points of it.', '--points 31,13:36,8 31,42:31,42 --start-scale 1'
    )
    p.add_argument(
        '--points',
        type=_pair_of_points,
        nargs='+',
        required=True,
        metavar='X,Y:X,Y',
        help='points of the picture, in pixels, and where they are to be',
    )
    p.add_argument('--no-pin', action='store_true', help="let the picture's corners go along")
    _add_drawing(p)
    p = add_task(
        tasks, 'layout', run_layout, 'Lay the picture out as a sketch.', '--sketch wanted.png --labels present.png'
    )
    p.add_argument('--sketch', required=True, help='a picture of a few flat colours: what is to be where')
    p.add_argument('--labels', required=True, help='a picture of the same colours: what is where in the trained one')
    _add_drawing(p)


def run_retarget(model, args) -> Edited:
    """The task."""
    mode = args.mode and (args.mode[0] if len(args.mode) == 1 else args.mode)
    return retarget(model, args.size, mode, args.anchor, args.beyond, **_drawing(args))


def run_move(model, args) -> Edited:
    """The task."""
    return move(model, _region(model, args), args.by, seam=args.seam, **_drawing(args))


def run_duplicate(model, args) -> Edited:
    """The task."""
    return duplicate(model, _region(model, args), args.by, seam=args.seam, **_drawing(args))


def run_scale(model, args) -> Edited:
    """The task."""
    return scale(model, _region(model, args), args.factor, args.anchor, seam=args.seam, **_drawing(args))


def run_mirror(model, args) -> Edited:
    """The task."""
    return mirror(model, _region(model, args), args.axis, seam=args.seam, **_drawing(args))


def run_remove(model, args) -> Edited:
    """The task."""
    return remove(model, _region(model, args), **_drawing(args))


def run_warp(model, args) -> Edited:
    """The task."""
    sources, targets = zip(*args.points)
    return warp(model, sources, targets, pin=not args.no_pin, **_drawing(args))


def run_layout(model, args) -> Edited:
    """The task."""
    return transfer_layout(model, read_picture(args.sketch), read_picture(args.labels), **_drawing(args))


def _add_region(p: argparse.ArgumentParser) -> None:
    which = p.add_mutually_exclusive_group(required=True)
    which.add_argument('--box', type=_box, metavar='LEFT,TOP,WIDTH,HEIGHT', help='which part, in pixels')
    which.add_argument('--mask', type=Path, help='which part: a picture that is white there')


def _add_by(p: argparse.ArgumentParser) -> None:
    p.add_argument('--by', type=_point, required=True, metavar='RIGHT,DOWN', help='in pixels, such as --by=-8,0')


def _add_seam(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        '--seam', type=real(0), default=3, metavar='PIXELS', help='width of the smooth transition; default: %(default)s'
    )


def _add_drawing(p: argparse.ArgumentParser, start_scale: int | None = 1, default: str = '%(default)s') -> None:
    add_draws(p)
    p.add_argument(
        '--start-scale',
        type=whole(0),
        default=start_scale,
        metavar='K',
        help='0: tell the encoding of the new layout; above: show this scale a picture of it; default: ' + default,
    )
    p.add_argument(
        '--vary-from',
        type=whole(0),
        metavar='K',
        help='first scale with random noise in all images but the first; default: the start scale',
    )
    p.add_argument(
        '--no-blend',
        action='store_true',
        help='leave the picture out of reach of the edit as it was drawn, too',
    )


def _drawing(args) -> dict:
    return dict(
        num=args.num,
        seed=args.seed,
        start_scale=args.start_scale,
        vary_from=args.vary_from,
        blending=not args.no_blend,
    )


def _region(model, args):
    size = model.scaled_sizes()[-1]
    return box_mask(args.box, size) if args.box else read_mask(args.mask, size)


def _box(text: str) -> tuple[int, ...]:
    return _numbers(text, 4, int, 'a box is LEFT,TOP,WIDTH,HEIGHT in pixels, such as 27,10,10,33')


def _point(text: str) -> tuple[float, ...]:
    return _numbers(text, 2, float, 'a pair of numbers is such as 14,0')


def _pair_of_points(text: str) -> tuple[tuple[float, ...], ...]:
    points = text.split(':')
    if len(points) != 2:
        raise argparse.ArgumentTypeError(
            f'a point and where it is to be is X,Y:X,Y, such as 31,13:36,8, not {shown(text)}'
        )
    return tuple(map(_point, points))


def _numbers(text: str, count: int, kind: type, what: str) -> tuple:
    try:
        numbers = tuple(kind(part) for part in text.split(','))
    except ValueError:
        numbers = ()
    if len(numbers) != count or not all(abs(number) < 1e6 for number in numbers):
        raise argparse.ArgumentTypeError(f'{what}, not {shown(text)}')
    return numbers
