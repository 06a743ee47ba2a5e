"""Time how fast pictures come from a folder or an LMDB, beside a plain loop of Pillow, and how fast a folder is listed.

All ways take turns in one process, a round each, and the medians of the rounds are printed. The pictures are JPEGs,
which are made of scikit-image's photographs, or those of a folder of yours.
"""

import os
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import skimage.data
from mmengine.logging import MMLogger
from PIL import Image, ImageOps
from tqdm import tqdm, trange

from mmpe.apis.command_line import command, count, parser
from mmpe.apis.prepare import FORMATS, prepare
from mmpe.datasets import PictureFolder
from mmpe.evaluation.layout import decibels
from mmpe.visualization import markdown_table

PHOTOGRAPHS = ('astronaut', 'coffee', 'chelsea', 'rocket')
FOLDERS = 100  # among which the files that are listed are distributed


def parse_args():
    p = parser(__doc__, '--side 1024 --size 256 --files 100000')
    p.add_argument('--pictures', metavar='FOLDER', help='pictures of yours; default: JPEGs that are made for this')
    p.add_argument('--num', type=count, default=64, help='how many are made; default: %(default)s')
    p.add_argument('--side', type=count, default=1024, help='their height and width in pixels; default: %(default)s')
    p.add_argument('--size', type=count, default=256, help='what they are resized to; default: %(default)s')
    p.add_argument('--rounds', type=count, default=5, help='default: %(default)s')
    p.add_argument('--files', type=count, default=20_000, help='that are listed; default: %(default)s')
    return p.parse_args()


def make_pictures(folder, num, side):
    """JPEGs of photographs, cut out and enlarged, with grain in place of the detail that they lack."""
    rng = np.random.default_rng(0)
    for i in trange(num, desc='making pictures', leave=False):
        pixels = getattr(skimage.data, PHOTOGRAPHS[i % len(PHOTOGRAPHS)])()
        top, left = (rng.integers(0, length - 255) for length in pixels.shape[:2])
        image = Image.fromarray(pixels[top : top + 256, left : left + 256]).resize(
            (side, side), Image.Resampling.LANCZOS
        )
        grain = rng.normal(0, 6, (side, side, 1))
        Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8)).save(folder / f'{i}.jpg', quality=92)


def plain_pillow(folder, names, size):
    """What one would write without mmpe."""
    for name in names:
        with Image.open(folder / name) as image:
            yield np.asarray(ImageOps.fit(image.convert('RGB'), (size, size), Image.Resampling.LANCZOS))


def items(dataset):
    for i in range(len(dataset)):
        yield dataset[i]['inputs'].permute(1, 2, 0).numpy()


def time_reading(args, folder, scratch):
    """Rows of a table: pictures per second in every way, and how far each is from full decoding."""
    full = PictureFolder(folder, args.size, reducing_gap=None)
    names = full.pictures.names
    ways = {
        'a loop of Pillow': lambda: plain_pillow(Path(folder), names, args.size),
        'folder, `reducing_gap=None`': lambda: items(full),
    }
    for gap, what in (2, ' (default)'), (1, ''):
        dataset = PictureFolder(folder, args.size, reducing_gap=gap)
        ways[f'folder, `reducing_gap={gap}`{what}'] = lambda dataset=dataset: items(dataset)
    for kind in FORMATS:
        path = scratch / f'{kind}.lmdb'
        prepare(folder, path, args.size, format=kind)
        dataset = PictureFolder(path, args.size)
        ways[f'prepared LMDB, {kind}'] = lambda dataset=dataset: items(dataset)
    expected = list(items(full))
    distances = {name: psnr(list(read()), expected) for name, read in ways.items()}
    seconds = {name: [] for name in ways}
    for _ in trange(args.rounds, desc='round', leave=False):
        for name, read in ways.items():
            start = time.perf_counter()
            for _ in read():
                pass
            seconds[name].append(time.perf_counter() - start)
    rates = {name: len(names) / median(times) for name, times in seconds.items()}
    plain = next(iter(rates.values()))
    return [[name, f'{rate:.0f}', f'{rate / plain:.1f}', distances[name]] for name, rate in rates.items()]


def psnr(found, expected):
    """In dB, over all pictures."""
    error = np.mean([np.square(one.astype(float) - other).mean() for one, other in zip(found, expected)])
    return f'{decibels(error, 255):.1f}' if error else 'same bits'


def time_listing(args, scratch):
    """Rows of a table: seconds that the listing of many files takes, the first time and later."""
    os.environ['TORCH_HOME'] = str(scratch / 'cache')
    rows = []
    for extension in '.png', '':
        root = scratch / f'many{extension}'
        make_files(root, args.files, extension)
        time.sleep(0.2)  # what has just changed is not remembered
        row = [f'{args.files} files `*{extension}`' if extension else f'{args.files} files without extension']
        for _ in range(2):
            start = time.perf_counter()
            PictureFolder(root, 8)
            row.append(f'{time.perf_counter() - start:.2f}')
        rows.append(row)
    return rows


def make_files(root, num, extension):
    """Small pictures in nested folders."""
    root.mkdir()
    Image.new('RGB', (8, 8)).save(root / 'first.png')
    content = (root / 'first.png').read_bytes()
    for i in trange(num - 1, desc='making files', leave=False):
        folder = root / f'{i % 10}' / f'{i % FOLDERS}'
        if i < FOLDERS:
            folder.mkdir(parents=True)
        (folder / f'{i}{extension}').write_bytes(content)


@command
def main():
    args = parse_args()
    MMLogger.get_current_instance().setLevel('WARNING')
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        folder = args.pictures or scratch / 'pictures'
        if not args.pictures:
            folder.mkdir()
            make_pictures(folder, args.num, args.side)
        rows = time_reading(args, folder, scratch)
        tqdm.write(
            f'pictures of {args.pictures or args.side} to {args.size} pixels, one process, Pillow {Image.__version__}'
        )
        print('\n'.join(markdown_table([['read from', 'pictures/s', 'times Pillow', 'PSNR, dB'], *rows])))
        rows = time_listing(args, scratch)
        print('\n'.join(['', *markdown_table([['listing', 'first time, s', 'remembered, s'], *rows])]))
