"""``mmpe convert``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from mmengine.model import BaseModel

from mmpe.apis.results import check_result, contains, input_files
from mmpe.compat.checkpoints import convert
from mmpe.compat.released_files import config_of, pickle_beside
from mmpe.models.singan import SinGANModel
from mmpe.numbers import size_text

from .from_signatures import command
from .options import Overwrite


@command('singan_fish.pth --pickle singan_fish.pkl --picture fish.jpg --out fish.pth')
def main(
    checkpoint: str,
    /,
    *,
    pickle: Annotated[str | None, Parameter(metavar='SRC.pkl')] = None,
    out: Annotated[str, Parameter(metavar='OUT.pth')],
    overwrite: Overwrite = False,
    picture: str | None = None,
    config: str | None = None,
) -> None:
    """Convert a released checkpoint, of mmgeneration 0.x or mmagic 1.x, to one that needs no other file.

    A released SinGAN consists of two files, SRC.pth and a pickle. A StyleGAN2 (also MS-PIE), a DCGAN and a Progressive
    GAN consist of one file. A file that still has its released name, as after
    `mim download mmpe --config NAME --dest DIR`, needs neither --config nor --pickle. Otherwise --config tells what
    the weights do not: whether a StyleGAN2's sinusoidal encoding is resized, the schedule of a Progressive GAN that was
    still growing, or a recipe that was not released.

    Args:
        checkpoint: the released checkpoint, SRC.pth
        pickle: the file of a SinGAN's noises; default: the config's test_pkl_data, or the one of a released name
        out: the file to write
        picture: the picture that a SinGAN was trained on; default: its reconstruction is used instead
        config: the config that it was trained with, released or mmpe's; default: found by a released file's name
    """
    inputs = input_files(checkpoint, pickle, picture, config)
    check_result(out, inputs, overwrite, partial(contains, text='converted_from'))
    model = convert(checkpoint, out, pickle, config, picture)
    if not config and config_of(checkpoint):
        print(f'{Path(checkpoint).name} is a released file: its config is {config_of(checkpoint)}')
    if not pickle and not config and pickle_beside(checkpoint):
        print(f'its noises are those of {pickle_beside(checkpoint)}, beside it')
    print(f'wrote {out}: {_described(model)}')
    if isinstance(model, SinGANModel) and picture is None:
        print('its picture is unknown without --picture: the reconstruction stands in for it')


def _described(model: BaseModel) -> str:
    if isinstance(model, SinGANModel):
        return _singan(model)
    encoding = getattr(model.generator, 'encoding', None)
    return f'{_name(model)}, {size_text(model.generator.image_size())} from a 4x4 grid, encoding {_name(encoding)}'


def _singan(model: SinGANModel) -> str:
    first, last = map(size_text, model.sizes[[0, -1]])
    return (
        f'{model.trained_scales} of {model.num_scales} scales, {first} to {last}, '
        f'encoding {_name(model.generator.encoding)}, padding {_name(model.generator.padding)}'
    )


def _name(part: object) -> str:
    return type(part).__name__ if part else 'none'
