"""Random images of any size, from any scale on."""

from __future__ import annotations

import torch
from tqdm import tqdm

from mmpe.apis import sample
from mmpe.apis.command_line import size, whole
from mmpe.editing.edited import Edited
from mmpe.models.sampled import check_memory

from .common import add_draws, add_task


def add_tasks(tasks) -> None:
    """Add ``samples``."""
    p = add_task(tasks, 'samples', run_samples, 'Random images of any size and shape.', '--start-scale 1 --size 64x192')
    add_draws(p, num=8)
    p.add_argument('--size', type=size, metavar='HEIGHTxWIDTH', help="in pixels; default: the picture's")
    p.add_argument(
        '--start-scale',
        type=whole(0),
        default=0,
        metavar='K',
        help='first scale with random noise; default: %(default)s',
    )


def run_samples(model, args) -> Edited:
    """The task."""
    check_memory(model, args.size or model.scaled_sizes()[-1], args.num)
    drawn = sample(model, args.num, args.size, args.start_scale, args.seed)
    images = torch.stack(list(tqdm(drawn, total=args.num, unit='image', leave=False, disable=None)))
    return Edited(images, dict(picture=model.picture))
