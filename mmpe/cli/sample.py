"""``mmpe sample``: random images from a checkpoint, as files."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated

from torch import Tensor

from mmpe.apis import load, sample
from mmpe.apis.checks import find_device
from mmpe.apis.results import ResultFolder, input_files
from mmpe.arguments import Count, Size, real, whole
from mmpe.engine.compilation import as_compilation_error, compile_network
from mmpe.errors import InputError
from mmpe.models.sampled import as_sampled
from mmpe.models.singan import SinGANSampler
from mmpe.numbers import size_text
from mmpe.progress import tracked
from mmpe.visualization import picture_bytes, save_picture, save_sheet

from .from_signatures import command
from .options import Checkpoint, Device, Folder, ImageSeed, Overwrite

PIXELS_ON_A_SHEET = 2**25
PATTERN = r'sample_(\d+)(_\d+x\d+)?\.png|samples\.png|(?:original_and_)?reconstruction\.png'


@command('work_dirs/singan_balloons/iter_16000.pth --size 300x500 --out samples')
def main(
    checkpoint: Checkpoint,
    /,
    *,
    num: Count = 16,
    size: list[Size] | None = None,
    truncation: Annotated[float | None, real(metavar='PSI')] = None,
    seed: ImageSeed = 0,
    out: Folder = Path('samples'),
    overwrite: Overwrite = False,
    start_scale: Annotated[int, whole(0, metavar='K')] = 0,
    reconstruction: bool = False,
    device: Device = 'cpu',
    compile: bool = False,
) -> None:
    """Draw random images of any size and shape from a checkpoint.

    Writes sample_000.png, sample_001.png, ... and samples.png, a sheet of them (of the first, if all are too many).
    Asked for several sizes, it draws every image at each size, from the same noise, writes sample_000_256x256.png, ...
    and shows the sizes of an image side by side.

    Args:
        num: number of images
        size: in pixels, one or several; default: the training picture's, or the model's own
        truncation: how far styles may be from the mean one, 0 to 1, in models that have styles; default: 1
        start_scale: first scale with random noise: higher ones keep more of the picture, 0 keeps nothing
        reconstruction: also write reconstruction.png, and original_and_reconstruction.png, both side by side
        compile: torch.compile the generator, which pays for many images
    """
    sizes = size or [None]
    results = ResultFolder('sample', out, PATTERN, input_files(checkpoint), overwrite)
    results.check(partial(will_write, num, sizes, reconstruction))
    loaded = load(checkpoint, find_device(device))
    if reconstruction and not isinstance(loaded, SinGANSampler):
        raise InputError(f'a {type(loaded).__name__} has no reconstruction')
    model = as_sampled(loaded)
    if compile:
        compile_network(model.sampled_generator, {})
    with as_compilation_error(compile):
        drawn = [sample(model, num, one, start_scale, seed, truncation=truncation) for one in sizes]
    if model.describe_progress():
        print(model.describe_progress())
    images = check_disk(zip(*drawn), num, out)
    with results.writing() as folder:
        written = write_samples(images, num, folder)
        if reconstruction:
            write_reconstruction(model, folder)
    print(f'wrote {num} images of {", ".join(written)} to {out}')


def will_write(num: int, sizes: list[tuple[int, int] | None], reconstruction: bool, name: str) -> bool:
    """Whether a file of that name, one of ``PATTERN``, comes of these arguments."""
    number, size = re.fullmatch(PATTERN, name).groups()
    if number is None:
        return name == 'samples.png' or reconstruction
    written = [f'_{size_text(size)}' for size in sizes] if len(sizes) > 1 else [None]
    return int(number) < num and number == f'{int(number):03}' and size in written


def check_disk(images: Iterator[tuple[Tensor, ...]], num: int, out: Path) -> Iterator[tuple[Tensor, ...]]:
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


def write_samples(images: Iterator[tuple[Tensor, ...]], num: int, folder: Path) -> list[str]:
    """Write images one by one, and as many as fit on a sheet; each comes as a tuple, of what it is at every size.

    Returns:
        The sizes.
    """
    on_sheet = []
    for i, at_sizes in enumerate(tracked(images, 'image', num)):
        several = len(at_sizes) > 1
        for image in at_sizes:
            save_picture(image, folder / f'sample_{i:03}{"_" + _size_of(image) if several else ""}.png')
        if i == 0 or (i + 1) * sum(image[0].numel() for image in at_sizes) <= PIXELS_ON_A_SHEET:
            on_sheet += at_sizes
    if several:
        save_sheet(on_sheet, folder / 'samples.png', [_size_of(image) for image in on_sheet], columns=len(at_sizes))
    else:
        save_sheet(on_sheet, folder / 'samples.png')
    return [_size_of(image) for image in at_sizes]


def _size_of(image: Tensor) -> str:
    return size_text(image.shape[-2:])


def write_reconstruction(model: SinGANSampler, folder: Path) -> None:
    """Write the reconstruction, alone and beside the original."""
    reconstruction = model.reconstruct()
    save_picture(reconstruction, folder / 'reconstruction.png')
    save_sheet(
        [model.picture, reconstruction], folder / 'original_and_reconstruction.png', ['original', 'reconstruction'], 2
    )
