"""Draw random images of any size and shape from a checkpoint.

Writes sample_000.png, sample_001.png, ... and samples.png, a sheet of them (of the first, if all are too many).
"""

from pathlib import Path

from tqdm import tqdm

from mmpe.apis import load, sample
from mmpe.apis.checks import check_writable, find_device
from mmpe.apis.command_line import command, count, parser, size
from mmpe.errors import InputError
from mmpe.visualization import save_picture, save_sheet

PIXELS_ON_A_SHEET = 2**25


def parse_args():
    p = parser(
        __doc__,
        'python tools/sample.py work_dirs/singan_balloons/iter_16000.pth --size 300x500 --out samples',
    )
    p.add_argument('checkpoint', help='written by tools/train.py')
    p.add_argument('--num', type=count, default=16, help='number of images; default: %(default)s')
    p.add_argument('--size', type=size, metavar='HEIGHTxWIDTH', help="in pixels; default: the training picture's")
    p.add_argument('--seed', type=int, default=0, help='the same seed gives the same images; default: %(default)s')
    p.add_argument('--out', type=Path, default=Path('samples'), metavar='DIR', help='default: %(default)s')
    p.add_argument(
        '--start-scale',
        type=int,
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


def tell_how_far_trained(model):
    """Say so if a pyramid is not finished: its images are smaller, or coarser, than those to come."""
    trained = getattr(model, 'trained_scales', None)
    if trained is not None and trained < model.num_scales:
        print(f'only {trained} of {model.num_scales} scales are trained: these are images of the last trained one')


def write_samples(images, num, out):
    """Write images one by one, and as many as fit on a sheet."""
    on_sheet = []
    for i, image in enumerate(tqdm(images, total=num, unit='image')):
        save_picture(image, out / f'sample_{i:03}.png')
        if i == 0 or (i + 1) * image[0].numel() <= PIXELS_ON_A_SHEET:
            on_sheet.append(image)
    save_sheet(on_sheet, out / 'samples.png')
    height, width = image.shape[-2:]
    print(f'wrote {num} images of {height}x{width} to {out}')


def write_reconstruction(model, out):
    """Write the reconstruction, alone and beside the original."""
    reconstruction = model.reconstruct()
    save_picture(reconstruction, out / 'reconstruction.png')
    save_sheet(
        [model.picture, reconstruction], out / 'original_and_reconstruction.png', ['original', 'reconstruction'], 2
    )


@command
def main():
    args = parse_args()
    check_writable(args.out)
    model = load(args.checkpoint, find_device(args.device))
    if args.reconstruction and not hasattr(model, 'reconstruct'):
        raise InputError(f'a {type(model).__name__} has no reconstruction')
    images = sample(model, args.num, args.size, args.start_scale, args.seed)
    tell_how_far_trained(model)
    write_samples(images, args.num, args.out)
    if args.reconstruction:
        write_reconstruction(model, args.out)


if __name__ == '__main__':
    main()
