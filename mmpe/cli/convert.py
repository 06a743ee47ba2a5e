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
    """Turn a released checkpoint, of mmgeneration 0.x or mmagic 1.x, into one that needs nothing beside it.

    A released SinGAN comes as two files, SRC.pth and a pickle; a StyleGAN2 (also MS-PIE), a DCGAN and a Progressive GAN
    as one. What weights do not tell needs --config: whether a StyleGAN2's sinusoidal encoding is resized, the schedule
    of a Progressive GAN that has not grown up, or a recipe that is no released one. A file that has kept its released
    name, as `mim download mmpe --config NAME --dest DIR` brings it, needs neither --config nor --pickle.

    Args:
        checkpoint: the released checkpoint, SRC.pth
        pickle: a SinGAN's noises; default: the config's test_pkl_data, or that of a released name
        out: what to write
        picture: what a SinGAN was trained on; default: its reconstruction stands in
        config: the config that it was trained with, released or mmpe's; default: by a released file's name
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
