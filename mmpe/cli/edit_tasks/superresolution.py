"""The picture enlarged, with detail."""

from __future__ import annotations

from mmpe.apis.command_line import real
from mmpe.datasets.pictures import read_picture
from mmpe.editing.edited import Edited
from mmpe.editing.edits.super_resolve import compare, enlarged_sizes, super_resolve
from mmpe.editing.masks import fit
from mmpe.visualization import markdown_table

from .common import add_draws, add_task


def add_tasks(tasks) -> None:
    """Add ``superres``."""
    p = add_task(
        tasks, 'superres', run_superres, 'Enlarge the picture, and add detail such as it has elsewhere.', '--factor 4'
    )
    p.add_argument('--factor', type=real(0), default=4.0, help='by how much, over 1; default: %(default)s')
    p.add_argument('--picture', metavar='FILE', help='one of the size that was trained on; default: the trained one')
    p.add_argument(
        '--noise',
        type=real(0),
        default=0.0,
        metavar='FACTOR',
        help='1: as in training, so that images differ; default: %(default)s',
    )
    p.add_argument(
        '--strength',
        type=real(0),
        metavar='FACTOR',
        help="of the detail; SinGAN's is 1; default: what fits the picture best when it is made smaller by one scale",
    )
    p.add_argument(
        '--no-back-projection', action='store_true', help='let the image drift away from the picture, as SinGAN does'
    )
    p.add_argument('--truth', metavar='FILE', help='the picture before it was made smaller: says how close it came')
    add_draws(p, num=1)


def run_superres(model, args) -> Edited:
    """The task."""
    picture = read_picture(args.picture) if args.picture else None
    back_projection = not args.no_back_projection
    truth = None
    if args.truth is not None:  # before the work
        truth = fit(read_picture(args.truth), enlarged_sizes(model, args.factor)[-1], 'the true picture')
    edited = super_resolve(model, picture, args.factor, args.noise, args.num, args.seed, args.strength, back_projection)
    if truth is not None:
        rows = [[name, f'{db:.2f}', f'{distance:.4f}'] for name, (db, distance) in compare(edited, truth).items()]
        print('\n'.join(markdown_table([['against the truth', 'PSNR, dB', 'patch distance'], *rows])))
    return edited
