"""Draw random images of any size and shape from a checkpoint.

Writes sample_000.png, sample_001.png, ... and samples.png, a sheet of them (of the first, if all are too many). Asked
for several sizes, it draws every image at each, from the same noise, writes sample_000_256x256.png, ... and shows the
sizes of an image side by side.
"""

import re
import shutil
from functools import partial
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from mmpe.apis import load, sample
from mmpe.apis.checks import find_device
from mmpe.apis.command_line import command, count, parser, real, seed, size, whole
from mmpe.apis.results import ResultFolder, add_overwrite, inputs_of
from mmpe.errors import InputError
from mmpe.models.sampled import as_sampled
from mmpe.models.singan import SinGANSampler
from mmpe.numbers import size_text
from mmpe.visualization import picture_bytes, save_picture, save_sheet

PIXELS_ON_A_SHEET = 2**25
PATTERN = r'sample_(\d+)(_\d+x\d+)?\.png|samples\.png|(?:original_and_)?reconstruction\.png'


def parse_args():
    p = parser(
        __doc__,
        'work_dirs/singan_balloons/iter_16000.pth --size 300x500 --out samples',
    )
    p.add_argument('checkpoint', help='written by mmpe train')
    p.add_argument('--num', type=count, default=16, help='number of images; default: %(default)s')
    p.add_argument(
        '--size',
        type=size,
        nargs='+',
        default=[None],
        metavar='HEIGHTxWIDTH',
        help="in pixels, one or several; default: the training picture's, or the model's own",
    )
    p.add_argument(
        '--truncation',
        type=real(),
        metavar='PSI',
        help='how far styles may be from the mean one, 0 to 1, in models that have styles; default: 1',
    )
    p.add_argument('--seed', type=seed, default=0, help='the same seed gives the same images; default: %(default)s')
    p.add_argument('--out', type=Path, default=Path('samples'), metavar='DIR', help='default: %(default)s')
    add_overwrite(p)
    p.add_argument(
        '--start-scale',
        type=whole(0),
        default=0,
        metavar='K',
        help='first scale with random noise: higher ones keep more of the picture, 0 (the default) keeps nothing',
    )
    p.add_argument(
        '--reconstruction',
        action='store_true',
        help='also write reconstruction.png, and original_and_reconstruction.png, both side by side',
    )
    p.add_argument('--device', default='cpu', help='such as cuda; default: %(default)s')
    return p.parse_args()


def will_write(args, name):
    """Whether a file of that name, one of ``PATTERN``, comes of these arguments."""
    number, size = re.fullmatch(PATTERN, name).groups()
    if number is None:
        return name == 'samples.png' or args.reconstruction
    sizes = ['_{}x{}'.format(*size) for size in args.size] if len(args.size) > 1 else [None]
    return int(number) < args.num and number == f'{int(number):03}' and size in sizes


def check_disk(images, num, out):
    """Refuse images that the disk has no room for, by the size of the first as a file; gives all of them back."""
    first = next(images)
    size = sum(picture_bytes(image) for image in first)
    place = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if num * size > free:
        raise InputError(
            f'{num} images take about {num * size / 2**30:,.1f} GiB, and {free / 2**30:,.1f} GiB are free at {place}: '
            'choose a smaller --num or --size, or another --out'
        )
    return chain([first], images)


def write_samples(images, num, folder):
    """Write images one by one, and as many as fit on a sheet; each comes as a tuple, of what it is at all sizes.

    Returns:
        list[str]: The sizes.
    """
    on_sheet = []
    for i, at_sizes in enumerate(tqdm(images, total=num, unit='image')):
        several = len(at_sizes) > 1
        for image in at_sizes:
            save_picture(image, folder / f'sample_{i:03}{"_" + size_of(image) if several else ""}.png')
        if i == 0 or (i + 1) * sum(image[0].numel() for image in at_sizes) <= PIXELS_ON_A_SHEET:
            on_sheet += at_sizes
    if several:
        save_sheet(on_sheet, folder / 'samples.png', [size_of(image) for image in on_sheet], columns=len(at_sizes))
    else:
        save_sheet(on_sheet, folder / 'samples.png')
    return [size_of(image) for image in at_sizes]


def size_of(image):
    """HEIGHTxWIDTH."""
    return size_text(image.shape[-2:])


def write_reconstruction(model, folder):
    """Write the reconstruction, alone and beside the original."""
    reconstruction = model.reconstruct()
    save_picture(reconstruction, folder / 'reconstruction.png')
    save_sheet(
        [model.picture, reconstruction], folder / 'original_and_reconstruction.png', ['original', 'reconstruction'], 2
    )


@command
def main():
    args = parse_args()
    results = ResultFolder('sample', args.out, PATTERN, inputs_of(args, 'out'), args.overwrite)
    results.check(partial(will_write, args))
    loaded = load(args.checkpoint, find_device(args.device))
    if args.reconstruction and not isinstance(loaded, SinGANSampler):
        raise InputError(f'a {type(loaded).__name__} has no reconstruction')
    model = as_sampled(loaded)
    drawn = [sample(model, args.num, s, args.start_scale, args.seed, truncation=args.truncation) for s in args.size]
    if model.describe_progress():
        print(model.describe_progress())
    images = check_disk(zip(*drawn), args.num, args.out)
    with results.writing() as folder:
        sizes = write_samples(images, args.num, folder)
        if args.reconstruction:
            write_reconstruction(model, folder)
    print(f'wrote {args.num} images of {", ".join(sizes)} to {args.out}')
