"""From released checkpoints, of mmgeneration 0.x or mmagic 1.x, to mmpe's: one file that needs nothing beside it."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from mmengine.model import BaseModel

import mmpe
from mmpe.checkpoints import read_checkpoint
from mmpe.config_files import read_config
from mmpe.errors import InputError, as_input_error
from mmpe.files import check_output, write_atomic
from mmpe.numbers import check_finite

from .adversarial_checkpoints import Family
from .dcgan_checkpoints import DCGAN
from .pggan_checkpoints import PGGAN
from .released_files import config_of, pickle_beside
from .singan_checkpoints import convert_singan, is_singan, named_pickle
from .stylegan2_checkpoints import STYLEGAN2

FAMILIES = (STYLEGAN2, DCGAN, PGGAN)


def convert(
    source: str | Path,
    out: str | Path,
    pickled: str | Path | None = None,
    config: str | Path | None = None,
    picture: str | None = None,
) -> BaseModel:
    """Write a released SinGAN, (MS-PIE) StyleGAN2, DCGAN or Progressive GAN as one mmpe checkpoint.

    Args:
        source: The released ``.pth``.
        out: What to write; its folder is made.
        pickled: A SinGAN's. None: the one that the config names, or else the one beside a
            ``source`` that has kept its released name.
        config: The config that it was trained with, released or mmpe's, for what the weights do not
            tell: see each family's module, such as :mod:`~mmpe.compat.singan_checkpoints`. None: the one that a
            released file's name tells, if it does and the family has such parts.
        picture: The picture that a SinGAN was trained on. None: the reconstruction takes its place.

    Returns:
        What :func:`mmpe.apis.load` makes of the file.

    Raises:
        InputError: If a file cannot be read, the files do not belong together, or a config is needed.
    """
    check_output(out, [given for given in (source, pickled or pickle_beside(source), config, picture) if given])
    model, model_config = read_released(source, pickled, config, picture)
    meta = dict(model=model_config, mmpe_version=mmpe.__version__, converted_from=Path(source).name)
    _write(out, model, meta)
    return model


def read_released(
    source: str | Path,
    pickled: str | Path | None = None,
    config: str | Path | None = None,
    picture: str | None = None,
) -> tuple[BaseModel, dict]:
    """Build mmpe's model of a released checkpoint; takes the arguments of :func:`convert`.

    Returns:
        In eval mode, with its config.

    Raises:
        InputError: As :func:`convert`.
    """
    checkpoint = read_checkpoint(source)
    if 'mmpe_version' in (checkpoint.get('meta') or {}):
        raise InputError(f'{source} is an mmpe checkpoint already')
    state = checkpoint['state_dict']
    if is_singan(state):  # it tells how it was trained, where mmagic's later config of it may say otherwise
        settings = _settings(config)
        pickled = pickled or named_pickle(settings or {}) or pickle_beside(source)
        return convert_singan(state, settings, pickled, picture)
    family = _family(source, state)
    for what, given in dict(pickle=pickled, picture=picture).items():
        if given:
            raise InputError(f'{source} is no SinGAN, which alone has a {what}: leave --{what} out')
    return family.convert(state, _settings(config or config_of(source)))


def _settings(config: str | Path | None) -> dict | None:
    if not config:
        return None
    read = read_config(config)
    with as_input_error(f'{read.filename} cannot be read as a config'):
        settings = read.to_dict()
        check_finite(settings)
    return settings


def _family(source: str | Path, state: dict) -> Family:
    for family in FAMILIES:
        if family.networks(state):
            return family
    raise InputError(
        f'{source} is no released SinGAN, StyleGAN2, DCGAN or Progressive GAN: it has none of their generators'
    )


def _write(path: str | Path, model: BaseModel, meta: dict) -> None:
    content = io.BytesIO()
    torch.save(dict(meta=meta, state_dict=model.state_dict()), content)
    write_atomic(path, content.getvalue())
