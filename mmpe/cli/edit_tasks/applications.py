"""SinGAN's own applications that begin with a picture of the user's."""

from __future__ import annotations

import argparse
from functools import partial

from mmpe.apis.command_line import real, size, whole
from mmpe.datasets.pictures import read_picture
from mmpe.editing import edit, harmonise, paint_to_image
from mmpe.editing.edited import Edited
from mmpe.editing.masks import read_mask
from mmpe.editing.start_scales import compare_start_scales

from .common import add_draws, add_task


def add_tasks(tasks) -> None:
    """Add ``paint``, ``harmonise`` and ``edit``."""
    p = add_task(
        tasks, 'paint', run_paint, 'Make a photograph of a crude painting.', '--painting mine.png --start-scale 1'
    )
    p.add_argument('--painting', required=True, metavar='FILE', help='best in the colours of the picture')
    p.add_argument('--size', type=size, metavar='HEIGHTxWIDTH', help="in pixels; default: the picture's")
    _add_injection(p, "that of the model's palette, or 1")
    p = add_task(
        tasks,
        'harmonise',
        run_harmonise,
        'Fit what was pasted into the picture to its colours and texture.',
        '--picture pasted.png --mask where.png --sheet',
    )
    _add_masked(p, 'the picture with something pasted into it', 'a few pixels')
    p = add_task(
        tasks,
        'edit',
        run_edit,
        "Close the seams after the picture's own parts were copied to other places.",
        '--picture copied.png --mask where.png --start-scale 2',
    )
    _add_masked(p, 'the picture with parts of it copied to other places', "a twelfth of the picture's long side")


def run_paint(model, args) -> Edited:
    """The task."""
    return _run(model, args, partial(paint_to_image, model, read_picture(args.painting), size=args.size))


def run_harmonise(model, args) -> Edited:
    """The task."""
    return _run(model, args, partial(harmonise, model, **_masked(model, args)))


def run_edit(model, args) -> Edited:
    """The task."""
    return _run(model, args, partial(edit, model, **_masked(model, args)))


def _add_masked(p: argparse.ArgumentParser, what: str, usual_dilation: str) -> None:
    p.add_argument('--picture', required=True, metavar='FILE', help=what)
    p.add_argument(
        '--mask',
        required=True,
        metavar='FILE',
        help='white where that is; beyond it, and --dilation, all stays as it is',
    )
    p.add_argument(
        '--dilation',
        type=whole(0),
        metavar='PIXELS',
        help=f'by how much the mask is extended; default: {usual_dilation}',
    )
    p.add_argument(
        '--softness',
        type=real(0),
        metavar='PIXELS',
        help='how wide the way is from what is made to what stays, inside the extended mask; default: the dilation',
    )
    _add_injection(p, 'the one whose result looks most like the photograph and like what was given')


def _add_injection(p: argparse.ArgumentParser, usual_scale: str) -> None:
    add_draws(p)
    p.add_argument(
        '--start-scale',
        type=whole(0),
        metavar='K',
        help=f'first scale that refines the picture, from 1, which makes most of it anew; default: {usual_scale}',
    )
    p.add_argument('--sheet', action='store_true', help='one image of each start scale instead, to choose from')
    p.add_argument(
        '--noise', type=real(0), default=1.0, metavar='FACTOR', help='0: none, all are the same; default: %(default)s'
    )


def _masked(model, args) -> dict:
    mask = read_mask(args.mask, model.scaled_sizes()[-1])
    return dict(picture=read_picture(args.picture), mask=mask, dilation=args.dilation, softness=args.softness)


def _run(model, args, application) -> Edited:
    application = partial(application, seed=args.seed, noise=args.noise)
    if args.sheet:
        return compare_start_scales(model, lambda start_scale: application(start_scale=start_scale, num=1))
    return application(start_scale=args.start_scale, num=args.num)
