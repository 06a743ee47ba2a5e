"""Turn a released checkpoint, of mmgeneration 0.x or mmagic 1.x, into one that needs nothing beside it.

A released SinGAN comes as two files, SRC.pth and a pickle; a StyleGAN2 (also MS-PIE), a DCGAN and a Progressive GAN as
one. What weights do not tell needs --config: whether a StyleGAN2's sinusoidal encoding is resized, the schedule of a
Progressive GAN that has not grown up, or a recipe that is no released one. A file that has kept its released name, as
`mim download mmpe --config NAME --dest DIR` brings it, needs neither --config nor --pickle.
"""

from functools import partial
from pathlib import Path

from mmpe.apis.command_line import command, parser
from mmpe.apis.results import add_overwrite, check_result, contains, inputs_of
from mmpe.compat.checkpoints import convert
from mmpe.compat.released_files import config_of, pickle_beside
from mmpe.models.singan import SinGANModel
from mmpe.numbers import size_text


def parse_args():
    p = parser(
        __doc__,
        'singan_fish.pth --pickle singan_fish.pkl --picture fish.jpg --out fish.pth',
    )
    p.add_argument('checkpoint', help='the released checkpoint, SRC.pth')
    p.add_argument(
        '--pickle',
        metavar='SRC.pkl',
        help="a SinGAN's noises; default: the config's test_pkl_data, or that of a released name",
    )
    p.add_argument('--out', required=True, metavar='OUT.pth', help='what to write')
    add_overwrite(p)
    p.add_argument('--picture', help='what a SinGAN was trained on; default: its reconstruction stands in')
    p.add_argument(
        '--config', help="the config that it was trained with, released or mmpe's; default: by a released file's name"
    )
    return p.parse_args()


@command
def main():
    args = parse_args()
    check_result(args.out, inputs_of(args, 'out'), args.overwrite, partial(contains, text='converted_from'))
    model = convert(args.checkpoint, args.out, args.pickle, args.config, args.picture)
    if not args.config and config_of(args.checkpoint):
        print(f'{Path(args.checkpoint).name} is a released file: its config is {config_of(args.checkpoint)}')
    if not args.pickle and not args.config and pickle_beside(args.checkpoint):
        print(f'its noises are those of {pickle_beside(args.checkpoint)}, beside it')
    print(f'wrote {args.out}: {_described(model)}')
    if isinstance(model, SinGANModel) and args.picture is None:
        print('its picture is unknown without --picture: the reconstruction stands in for it')


def _described(model) -> str:
    if isinstance(model, SinGANModel):
        return _singan(model)
    encoding = getattr(model.generator, 'encoding', None)
    return f'{_name(model)}, {size_text(model.generator.image_size())} from a 4x4 grid, encoding {_name(encoding)}'


def _singan(model) -> str:
    first, last = map(size_text, model.sizes[[0, -1]])
    return (
        f'{model.trained_scales} of {model.num_scales} scales, {first} to {last}, '
        f'encoding {_name(model.generator.encoding)}, padding {_name(model.generator.padding)}'
    )


def _name(part) -> str:
    return type(part).__name__ if part else 'none'
