"""``mmpe train-folder``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mmpe.apis.launchers import find_rank
from mmpe.apis.many_pictures import find_config, find_pictures, picture_config, train_many
from mmpe.apis.picture_index import PATTERN, index_files, write_index
from mmpe.apis.results import ResultFolder, input_files
from mmpe.apis.workers import check_devices, find_devices, plan_workers
from mmpe.arguments import whole
from mmpe.names import locate, printable

from .from_signatures import command
from .options import Folder, Jobs, Overrides, Overwrite

CONFIG = 'mmpe::positional_encoding_in_gans/singan-csg_fish.py'
MOST_THREADS = 1024


@command('my_pictures --cfg-options train_dataloader.dataset.max_size=250')
def main(
    sources: Annotated[list[str], Parameter(name='PICTURES')],
    /,
    *,
    config: str = CONFIG,
    out: Folder | None = None,
    jobs: Jobs | None = None,
    threads: Annotated[int | None, whole(1, MOST_THREADS, metavar='N')] = None,
    devices: Annotated[list[str] | None, Parameter(metavar='DEVICE')] = None,
    overwrite: Overwrite = False,
    index_only: bool = False,
    cfg_options: Overrides | None = None,
) -> None:
    """Train a SinGAN on each of many pictures: those of folders (nested ones too), files, and skimage://NAME.

    Each picture is trained as by mmpe train, in its own process, with the work dir OUT/PICTURE. When the command is
    called again with the same arguments, it goes on where it was stopped or killed, and keeps what is finished. At the
    end, OUT/index.html and OUT/contact_sheet.png show all pictures with their samples and scores. The exit code is 1 if
    pictures have failed.

    Under torchrun, srun or mpirun, each process trains its share of the pictures. The first process writes the index
    when its own pictures are done, so call with --index-only when all processes have ended. The exit code is 0 there,
    even if pictures have failed, as a launcher would otherwise end the other processes.

    Args:
        sources: folders, files, and skimage://NAME
        config: a SinGAN's config, or mmpe::NAME
        out: folder of the work dirs; default: work_dirs/NAME of the first of PICTURES
        jobs: pictures at a time; default: one per GPU, or else one per CPU core
        threads: CPU threads per picture; default: all cores, shared among the pictures
        devices: such as cuda:0 cuda:1, or cpu; default: all GPUs
        index_only: train nothing, write the index of what is there
        cfg_options: overrides for all pictures, such as model.iters_per_scale=500
    """
    out = out or default_out(sources[0])
    pictures = find_pictures(sources, out)
    results = ResultFolder('train_folder', out, PATTERN, input_files(config, list(pictures.values())), overwrite)
    results.check(index_files(len(pictures)).__contains__)
    rank = find_rank(os.environ)
    failures = {}
    if not index_only:
        base = find_config(config, dict(cfg_options or ()))
        check_devices(devices or [])
        share = {name: picture_config(base, pictures[name], out / name) for name in rank.share(list(pictures))}
        if rank.count > 1:
            print(f'process {rank.number} of {rank.count} takes {len(share)} of {len(pictures)} pictures')
        here = devices or rank.local_share(find_devices())
        failures = train_many(share, plan_workers(len(share), here, rank.cores, jobs, threads))
    if rank.number == 0:
        with results.writing() as folder:
            page = write_index(out, list(pictures), folder)
        print(f'wrote {out / page.name}')
    if failures:
        lines = [f'  {printable(name)}: {why}' for name, why in failures.items()]
        print('\n'.join([f'{len(failures)} pictures have failed:', *lines]), file=sys.stderr)
        raise SystemExit(int(rank.count == 1))


def default_out(source: str) -> Path:
    """A folder that is named after the pictures."""
    return Path('work_dirs') / locate(source).resolve().name
