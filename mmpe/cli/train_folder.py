"""Train a SinGAN on each of many pictures: those of folders (nested ones too), files, and skimage://NAME.

Each is trained as mmpe train would, in a process of its own, with its work dir OUT/PICTURE. Called again with the
same arguments it goes on where it was stopped, or killed, and leaves alone what is done. At the end OUT/index.html and
OUT/contact_sheet.png show all pictures with their samples and scores. The exit code is 1 if pictures have failed.

Under torchrun, srun or mpirun each process trains its share of the pictures, and the first writes the index when its
own are done; call with --index-only once all have ended. There pictures that have failed leave the exit code at 0: a
launcher would end the other processes.
"""

import os
import sys
from pathlib import Path

from mmpe.apis.cfg_options import ConfigOptions
from mmpe.apis.command_line import command, count, parser, whole
from mmpe.apis.launchers import find_rank
from mmpe.apis.many import find_config, find_pictures, picture_config, train_many
from mmpe.apis.picture_index import PATTERN, index_files, write_index
from mmpe.apis.results import ResultFolder, add_overwrite, input_files
from mmpe.apis.workers import check_devices, find_devices, plan_workers
from mmpe.names import locate, printable

CONFIG = 'mmpe::positional_encoding_in_gans/singan-csg_fish.py'
MOST_THREADS = 1024


def parse_args():
    p = parser(
        __doc__,
        'my_pictures --cfg-options train_dataloader.dataset.max_size=250',
    )
    p.add_argument('pictures', nargs='+', metavar='PICTURES', help='folders, files, and skimage://NAME')
    p.add_argument('--config', default=CONFIG, help="a SinGAN's config, or mmpe::NAME; default: %(default)s")
    p.add_argument('--out', type=Path, metavar='DIR', help='default: work_dirs/NAME of the first of PICTURES')
    p.add_argument(
        '--jobs', type=count, metavar='N', help='pictures at a time; default: one a GPU, or else one a CPU core'
    )
    p.add_argument(
        '--threads',
        type=whole(1, MOST_THREADS),
        metavar='N',
        help='CPU threads of each; default: all cores shared among them',
    )
    p.add_argument('--devices', nargs='+', metavar='DEVICE', help='such as cuda:0 cuda:1, or cpu; default: all GPUs')
    add_overwrite(p)
    p.add_argument('--index-only', action='store_true', help='train nothing, write the index of what is there')
    p.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        default={},
        metavar='KEY=VALUE',
        help='overrides for all pictures, such as model.iters_per_scale=500',
    )
    return p.parse_args()


def default_out(source):
    """A work dir named as what is trained on."""
    return Path('work_dirs') / locate(source).resolve().name


def train_share(args, out, pictures, rank):
    """Train this process's share of the pictures; returns why pictures have failed, by name."""
    config = find_config(args.config, args.cfg_options)
    check_devices(args.devices or [])
    names = rank.share(list(pictures))
    devices = args.devices or rank.local_share(find_devices())
    if rank.count > 1:
        print(f'process {rank.number} of {rank.count} takes {len(names)} of {len(pictures)} pictures')
    configs = {name: picture_config(config, pictures[name], out / name) for name in names}
    return train_many(configs, plan_workers(len(names), devices, rank.cores, args.jobs, args.threads))


@command
def main():
    args = parse_args()
    out = args.out or default_out(args.pictures[0])
    pictures = find_pictures(args.pictures, out)
    inputs = input_files(args.config, list(pictures.values()))
    results = ResultFolder('train_folder', out, PATTERN, inputs, args.overwrite)
    results.check(index_files(len(pictures)).__contains__)
    rank = find_rank(os.environ)
    failures = {} if args.index_only else train_share(args, out, pictures, rank)
    if rank.number == 0:
        with results.writing() as folder:
            page = write_index(out, list(pictures), folder)
        print(f'wrote {out / page.name}')
    if failures:
        lines = [f'  {printable(name)}: {why}' for name, why in failures.items()]
        print('\n'.join([f'{len(failures)} pictures have failed:', *lines]), file=sys.stderr)
        raise SystemExit(int(rank.count == 1))
