"""The picture in motion."""

from __future__ import annotations

from mmpe.apis.command_line import count, real, seed, whole
from mmpe.editing import animate
from mmpe.editing.animation import Animation, check_format

from .common import add_task


def add_tasks(tasks) -> None:
    """Add ``animate``."""
    p = add_task(
        tasks,
        'animate',
        run_animate,
        'Let the picture move: a random walk around it. Writes one file, .gif, .webp or .mp4.',
        '--out walk.gif --alpha 0.1 --beta 0.9',
        file='walk.gif',
    )
    p.add_argument('--frames', type=count, default=60, help='how many; the first is the picture; default: %(default)s')
    p.add_argument('--fps', type=real(0), default=10.0, help='frames a second, 0.01 to 50; default: %(default)s')
    p.add_argument(
        '--alpha',
        type=real(0, 1),
        default=0.1,
        help='0 to 1: how much frames are drawn back to the picture; default: %(default)s',
    )
    p.add_argument(
        '--beta', type=real(0, 1), default=0.9, help='0 to 1: how smooth and slow the motion is; default: %(default)s'
    )
    p.add_argument(
        '--start-scale',
        type=whole(0),
        default=0,
        metavar='K',
        help='first scale that moves: 0 moves the layout, higher ones detail alone; default: %(default)s',
    )
    p.add_argument('--seed', type=seed, default=0, help='the same seed gives the same motion; default: %(default)s')


def run_animate(model, args) -> Animation:
    """The task."""
    check_format(args.out)
    return animate(model, args.frames, args.alpha, args.beta, args.start_scale, args.seed, args.fps)
