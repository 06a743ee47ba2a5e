"""From released checkpoints, of mmgeneration 0.x or mmagic 1.x, to mmpe's: one file that needs nothing beside it."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from mmengine.model import BaseModel

import mmpe
from mmpe.apis import load_config, read_checkpoint
from mmpe.engine.hooks.checkpoint_hook import AtomicBackend
from mmpe.errors import InputError

from .singan_checkpoints import convert_singan, is_singan
from .stylegan2_checkpoints import convert_stylegan2, is_stylegan2


def convert(
    source: str | Path,
    out: str | Path,
    pickled: str | Path | None = None,
    config: str | Path | None = None,
    picture: str | None = None,
) -> BaseModel:
    """Write a released SinGAN or (MS-PIE) StyleGAN2 as one mmpe checkpoint.

    Args:
        source (str | Path): The released ``.pth``.
        out (str | Path): What to write; its folder is made.
        pickled (str | Path | None): The pickle beside a SinGAN. None: the one that the config names.
        config (str | Path | None): The config that it was trained with, released or mmpe's, for what the weights do not
            tell: see :mod:`~mmpe.compat.singan_checkpoints` and :mod:`~mmpe.compat.stylegan2_checkpoints`.
        picture (str | None): The picture that a SinGAN was trained on. None: the reconstruction takes its place.

    Returns:
        BaseModel: What :func:`mmpe.apis.load` makes of the file.

    Raises:
        InputError: If a file cannot be read, the files do not belong together, or a config is needed.
    """
    if Path(out).resolve() == Path(source).resolve():
        raise InputError(f'{out} is the checkpoint to convert: write to another file')
    checkpoint = read_checkpoint(source)
    if 'mmpe_version' in (checkpoint.get('meta') or {}):
        raise InputError(f'{source} is an mmpe checkpoint already')
    state = checkpoint['state_dict']
    settings = load_config(config).to_dict() if config else None
    if is_singan(state):
        model, model_config = convert_singan(state, settings, pickled, picture)
    elif is_stylegan2(state):
        for what, given in dict(pickle=pickled, picture=picture).items():
            if given:
                raise InputError(f'{source} is a StyleGAN2, which has no {what}: leave --{what} out')
        model, model_config = convert_stylegan2(state, settings)
    else:
        raise InputError(f'{source} is no released SinGAN or StyleGAN2: it has neither of their generators')
    meta = dict(model=model_config, mmpe_version=mmpe.__version__, converted_from=Path(source).name)
    _write(out, model, meta)
    return model


def _write(path, model, meta) -> None:
    content = io.BytesIO()
    torch.save(dict(meta=meta, state_dict=model.state_dict()), content)
    AtomicBackend().put(content.getvalue(), path)
