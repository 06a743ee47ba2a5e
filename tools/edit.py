"""Edit the picture that a SinGAN was trained on.

Writes edited_000.png, edited_001.png, ... and sheet.png, on which they stand beside what they were made from; an
animation is one file.
"""

from mmpe.apis import load_singan
from mmpe.apis.checks import check_writable, find_device
from mmpe.apis.command_line import command, parser
from mmpe.editing.tasks import TASKS


def parse_args():
    p = parser(__doc__, 'python tools/edit.py TASK --help')
    tasks = p.add_subparsers(metavar='TASK', required=True)
    for add_tasks in TASKS:
        add_tasks(tasks)
    return p.parse_args()


@command
def main():
    args = parse_args()
    check_writable(args.folder_of(args.out))
    edited = args.run(load_singan(args.checkpoint, find_device(args.device)), args)
    files = edited.save(args.out)
    if edited.psnr_outside is not None:
        print(f'outside the reach of the edit: PSNR {edited.psnr_outside:.1f} dB to what was there')
    print(f'wrote {files[-1]}' if len(files) == 1 else f'wrote {len(files) - 1} images and {files[-1]}')


if __name__ == '__main__':
    main()
