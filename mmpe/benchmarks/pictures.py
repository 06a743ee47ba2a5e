"""Time reading pictures from a folder or an LMDB, compared with a plain loop over Pillow, and listing a folder."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import skimage.data
from mmengine.logging import MMLogger
from PIL import Image, ImageOps

from mmpe.apis.prepare import FORMATS, prepare
from mmpe.datasets import PictureFolder
from mmpe.evaluation.layout import decibels
from mmpe.progress import tracked
from mmpe.visualization import markdown_table

PHOTOGRAPHS = ('astronaut', 'coffee', 'chelsea', 'rocket')
FOLDERS = 100  # that hold the files of the listing


def time_pictures(pictures: str | Path | None, num: int, side: int, size: int, rounds: int, files: int) -> str:
    """Time all ways of reading pictures, and the listing of files.

    All ways take turns in one process, one round each. Times are medians over rounds.

    Args:
        pictures: A folder of pictures. None: JPEGs are made from scikit-image's photographs.
        num: Number of JPEGs that are made.
        side: Their height and width, in pixels.
        size: The side that pictures are resized to, in pixels.
        rounds: Number of rounds.
        files: Number of files in the listing.

    Returns:
        Two Markdown tables.
    """
    MMLogger.get_current_instance().setLevel('WARNING')
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        folder = pictures or scratch / 'pictures'
        if not pictures:
            folder.mkdir()
            _make_pictures(folder, num, side)
        reading = _time_reading(folder, scratch, size, rounds)
        listing = _time_listing(scratch, files)
    title = f'pictures of {pictures or side} to {size} pixels, one process, Pillow {Image.__version__}'
    reading = markdown_table([['read from', 'pictures/s', 'times Pillow', 'PSNR, dB'], *reading])
    listing = markdown_table([['listing', 'first time, s', 'remembered, s'], *listing])
    return '\n'.join([title, *reading, '', *listing])


def _make_pictures(folder: Path, num: int, side: int) -> None:
    """Write JPEGs: enlarged crops of photographs, with grain in place of the missing detail."""
    rng = np.random.default_rng(0)
    for i in tracked(range(num), 'making pictures'):
        pixels = getattr(skimage.data, PHOTOGRAPHS[i % len(PHOTOGRAPHS)])()
        top, left = (rng.integers(0, length - 255) for length in pixels.shape[:2])
        image = Image.fromarray(pixels[top : top + 256, left : left + 256]).resize(
            (side, side), Image.Resampling.LANCZOS
        )
        grain = rng.normal(0, 6, (side, side, 1))
        Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8)).save(folder / f'{i}.jpg', quality=92)


def _plain_pillow(folder: Path, names: Sequence[str], size: int) -> Iterator[np.ndarray]:
    """The loop that one would write without mmpe."""
    for name in names:
        with Image.open(folder / name) as image:
            yield np.asarray(ImageOps.fit(image.convert('RGB'), (size, size), Image.Resampling.LANCZOS))


def _items(dataset: PictureFolder) -> Iterator[np.ndarray]:
    for i in range(len(dataset)):
        yield dataset[i]['inputs'].permute(1, 2, 0).numpy()


def _time_reading(folder: str | Path, scratch: Path, size: int, rounds: int) -> list[list[str]]:
    """The rows of a table: pictures per second for each way, and its PSNR to full decoding."""
    full = PictureFolder(folder, size, reducing_gap=None)
    names = full.pictures.names
    ways = {
        'a loop of Pillow': lambda: _plain_pillow(Path(folder), names, size),
        'folder, `reducing_gap=None`': lambda: _items(full),
    }
    for gap, what in (2, ' (default)'), (1, ''):
        dataset = PictureFolder(folder, size, reducing_gap=gap)
        ways[f'folder, `reducing_gap={gap}`{what}'] = lambda dataset=dataset: _items(dataset)
    for kind in FORMATS:
        path = scratch / f'{kind}.lmdb'
        prepare(folder, path, size, format=kind)
        dataset = PictureFolder(path, size)
        ways[f'prepared LMDB, {kind}'] = lambda dataset=dataset: _items(dataset)
    expected = list(_items(full))
    distances = {name: _psnr(list(read()), expected) for name, read in ways.items()}
    seconds = {name: [] for name in ways}
    for _ in tracked(range(rounds), 'round'):
        for name, read in ways.items():
            start = time.perf_counter()
            for _ in read():
                pass
            seconds[name].append(time.perf_counter() - start)
    rates = {name: len(names) / median(times) for name, times in seconds.items()}
    plain = next(iter(rates.values()))
    return [[name, f'{rate:.0f}', f'{rate / plain:.1f}', distances[name]] for name, rate in rates.items()]


def _psnr(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> str:
    """The PSNR over all pictures, in dB."""
    error = np.mean([np.square(one.astype(float) - other).mean() for one, other in zip(found, expected)])
    return f'{decibels(error, 255):.1f}' if error else 'same bits'


def _time_listing(scratch: Path, files: int) -> list[list[str]]:
    """The rows of a table: seconds per listing of many files, the first time and later."""
    os.environ['TORCH_HOME'] = str(scratch / 'cache')
    rows = []
    for extension in '.png', '':
        root = scratch / f'many{extension}'
        _make_files(root, files, extension)
        time.sleep(0.2)  # folders that have just changed are not remembered
        row = [f'{files} files `*{extension}`' if extension else f'{files} files without extension']
        for _ in range(2):
            start = time.perf_counter()
            PictureFolder(root, 8)
            row.append(f'{time.perf_counter() - start:.2f}')
        rows.append(row)
    return rows


def _make_files(root: Path, num: int, extension: str) -> None:
    """Write small pictures to nested folders."""
    root.mkdir()
    Image.new('RGB', (8, 8)).save(root / 'first.png')
    content = (root / 'first.png').read_bytes()
    for i in tracked(range(num - 1), 'making files'):
        folder = root / f'{i % 10}' / f'{i % FOLDERS}'
        if i < FOLDERS:
            folder.mkdir(parents=True)
        (folder / f'{i}{extension}').write_bytes(content)
