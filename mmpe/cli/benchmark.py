"""``mmpe benchmark``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from mmpe.apis import load_config
from mmpe.apis.checks import find_device
from mmpe.apis.launchers import find_rank
from mmpe.arguments import Count, Seed
from mmpe.benchmarks.schedules import compare_schedules
from mmpe.benchmarks.singan import time_finest_scale, time_singan
from mmpe.benchmarks.stylegan2 import DTYPES, time_stylegan2
from mmpe.engine.compilation import as_compilation_error
from mmpe.errors import InputError

from .from_signatures import command
from .options import Device, Folder, Overrides
from .studio import require_studio

SINGAN = 'mmpe::positional_encoding_in_gans/singan_csg_quickstart.py'
PHOTOGRAPHS = ('skimage://coffee', 'skimage://rocket', 'skimage://astronaut')
STYLEGAN2 = 'mmpe::positional_encoding_in_gans/mspie-stylegan2-config-f_c2_8xb3-1100kiters_ffhq-256-512.py'


@command('--max-size 128 --iterations 5')
def singan(
    *,
    picture: str = 'skimage://rocket',
    max_size: Count = 128,
    config: str = SINGAN,
    iterations: Count = 5,
    device: Device = 'cpu',
    dtype: Literal['float32', 'bfloat16'] = 'float32',
    compile: bool = False,
    finest: bool = False,
) -> None:
    """Time an iteration of a SinGAN at every scale: the steps of D and of G.

    Args:
        picture: a file or skimage://NAME
        max_size: long side of the picture in pixels
        config: the config of a SinGAN
        iterations: timed iterations per scale
        compile: also time compiled networks, in turn
        finest: only the finest scale, with the most memory that training takes
    """
    if finest and compile:
        raise InputError('--finest times uncompiled networks only: leave out --compile, or --finest')
    found = find_device(device)
    if finest:
        print(time_finest_scale(load_config(config), picture, max_size, iterations, found, dtype))
        return
    with as_compilation_error(compile):
        print(time_singan(load_config(config), picture, max_size, iterations, found, dtype, compile))


@command('--size 256 --batch 2')
def stylegan2(
    *,
    size: Count = 256,
    batch: Count = 2,
    compile: bool = False,
    config: str = STYLEGAN2,
    iterations: Count = 5,
    device: Device = 'cpu',
    dtype: Literal[tuple(DTYPES)] = 'float32',
) -> None:
    """Time the parts of a StyleGAN2: the forward pass, the steps of G and D, and R1.

    GFLOP/s counts the operations of direct convolutions, of which fewer are computed where that is faster.

    Args:
        size: side of the images at the smallest scale, in pixels
        batch: images at a time
        compile: also time compiled networks, in turn; R1 stays uncompiled
        config: the config of a StyleGAN2
        iterations: timed calls per part
    """
    found = find_device(device)
    with as_compilation_error(compile):
        print(time_stylegan2(load_config(config), size, batch, iterations, found, dtype, compile))


@command('--max-size 128 --moves 60')
def studio(
    *,
    picture: str = 'skimage://rocket',
    max_size: Count = 128,
    config: str = SINGAN,
    moves: Count = 60,
    device: Device = 'cpu',
) -> None:
    """The studio's server, while a point is dragged: previews, and the image at release.

    Args:
        picture: a picture
        max_size: its long side in pixels
        config: another config of the family
        moves: of the pointer
    """
    require_studio()
    from mmpe.benchmarks.studio import time_studio

    print(time_studio(load_config(config), picture, max_size, moves, find_device(device)))


@command('configs/singan/singan_fast.py configs/singan/singan_balloons.py --max-size 64 --seeds 0 1 2')
def schedule(
    configs: Annotated[list[str], Parameter(name='CONFIG')],
    /,
    *,
    pictures: Annotated[list[str], Parameter(metavar='PICTURE')] = PHOTOGRAPHS,
    max_size: Count = 64,
    seeds: Annotated[list[Seed], Parameter(metavar='SEED')] = (0,),
    out: Folder = Path('work_dirs/schedules'),
    threads: Count = 1,
    cfg_options: Overrides | None = None,
) -> None:
    """Compare the schedules of SinGAN configs: train each on each picture, and print a table of scores and times.

    Scores are those of mmpe evaluate-singan. CPU seconds are added up over all threads of a run, and count little of
    what else the machine does. When the command is called again, it goes on where it was stopped, and keeps what is
    finished, so that pictures, seeds and configs can be added. The exit code is 1 if runs have failed.

    Args:
        configs: configs of a SinGAN: files, or mmpe::NAME
        pictures: files, folders, and skimage://NAME
        max_size: long side of the pictures in pixels
        seeds: each gives one run per config and picture
        out: folder of the runs, OUT/CONFIG/MAX_SIZE/PICTURE/SEED
        threads: CPU threads per run; as many runs as there are cores for go on at a time
        cfg_options: overrides for all runs
    """
    cores = find_rank(os.environ).cores
    options = dict(cfg_options or ())
    table, failures = compare_schedules(configs, pictures, max_size, seeds, out, cores, threads, options)
    print(table)
    if failures:
        lines = [f'  {run}: {why}' for run, why in failures.items()]
        print('\n'.join([f'{len(failures)} runs have failed:', *lines]), file=sys.stderr)
        raise SystemExit(1)


@command('singan --max-size 128 --iterations 5', singan=singan, stylegan2=stylegan2, studio=studio, schedule=schedule)
def main() -> None:
    """Time a family's training, part by part, or the studio, or compare the schedules of SinGAN configs.

    Only mmpe is timed. To compare it with another program, run both in turn, on the same machine and within minutes.
    """
