"""Edit the picture that a SinGAN was trained on.

Writes edited_000.png, edited_001.png, ... and sheet.png, on which they stand beside what they were made from; an
animation is one file.
"""

import re
from functools import partial

from mmpe.apis import load_singan
from mmpe.apis.checks import find_device
from mmpe.apis.command_line import command, parser
from mmpe.apis.results import ResultFolder, check_result, inputs_of
from mmpe.cli.edit_tasks import TASKS

PATTERN = r'edited_(\d+)\.png|sheet\.png'


def parse_args():
    p = parser(__doc__, 'TASK --help')
    tasks = p.add_subparsers(metavar='TASK', required=True)
    for add_tasks in TASKS:
        add_tasks(tasks)
    return p.parse_args()


def will_write(args, name):
    """Whether a file of that name, one of ``PATTERN``, comes of these arguments; of a sheet of start scales it may."""
    number = re.fullmatch(PATTERN, name)[1]
    if number is None:
        return True
    return number == f'{int(number):03}' and (args.sheet or int(number) < args.num)


def run(args):
    """What the task makes of the checkpoint."""
    return args.run(load_singan(args.checkpoint, find_device(args.device)), args)


@command
def main():
    args = parse_args()
    inputs = inputs_of(args, 'out')
    if args.writes_a_file:
        check_result(args.out, inputs, args.overwrite)
        edited = run(args)
        files = edited.save(args.out)
    else:
        results = ResultFolder('edit', args.out, PATTERN, inputs, args.overwrite)
        results.check(partial(will_write, args))
        edited = run(args)
        with results.writing() as folder:
            files = [args.out / file.name for file in edited.save(folder)]
    if edited.psnr_outside is not None:
        print(f'outside the reach of the edit: PSNR {edited.psnr_outside:.1f} dB to what was there')
    print(f'wrote {files[-1]}' if len(files) == 1 else f'wrote {len(files) - 1} images and {files[-1]}')
