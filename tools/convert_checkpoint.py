"""Turn a released checkpoint, of mmgeneration 0.x or mmagic 1.x, into one that needs nothing beside it.

A released SinGAN comes as two files, SRC.pth and a pickle. The recipes of the released configs are recognised; any
other one needs --config, such as an encoding without zero padding.
"""

from mmpe.apis.command_line import command, parser
from mmpe.compat.checkpoints import convert


def parse_args():
    p = parser(
        __doc__,
        'python tools/convert_checkpoint.py singan_fish.pth --pickle singan_fish.pkl --picture fish.jpg --out fish.pth',
    )
    p.add_argument('checkpoint', help='the released checkpoint, SRC.pth')
    p.add_argument('--pickle', metavar='SRC.pkl', help="the noises beside it; default: the config's test_pkl_data")
    p.add_argument('--out', required=True, metavar='OUT.pth', help='what to write')
    p.add_argument('--picture', help='the picture that it was trained on; default: its reconstruction stands in')
    p.add_argument('--config', help="the config that it was trained with, released or mmpe's")
    return p.parse_args()


@command
def main():
    args = parse_args()
    model = convert(args.checkpoint, args.out, args.pickle, args.config, args.picture)
    (first_height, first_width), *_, (height, width) = model.sizes[[0, -1]].tolist()
    trained, total = model.trained_scales, model.num_scales
    print(f'wrote {args.out}: {trained} of {total} scales, {first_height}x{first_width} to {height}x{width}')
    print(f'its encoding is {_name(model.generator.encoding)}, its border {_name(model.generator.border)}')
    if args.picture is None:
        print('its picture is unknown without --picture: the reconstruction stands in for it')


def _name(part) -> str:
    return type(part).__name__ if part else 'none'


if __name__ == '__main__':
    main()
