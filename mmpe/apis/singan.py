"""SinGANs from their checkpoints."""

from __future__ import annotations

from pathlib import Path

import torch

from mmpe.checkpoints import read_checkpoint
from mmpe.datasets.image_pyramid import resize
from mmpe.errors import InputError
from mmpe.models.singan import SinGANModel

from .checkpoint import build, load, model_config


def load_singan(path: str | Path, device: str | torch.device = 'cpu') -> SinGANModel:
    """Load a finished SinGAN, as :func:`~mmpe.apis.load` loads any model.

    Args:
        path: A checkpoint, written by ``mmpe train`` or ``mmpe convert``.
        device: Where the model will be.

    Returns:
        The model, in eval mode, as every edit takes it.

    Raises:
        InputError: If the checkpoint cannot be read, is another model's, or not all of its scales are trained.

    >>> model = load_singan('work_dirs/mine/iter_16000.pth')  # doctest: +SKIP
    """
    model = _of_a_singan(load(path, device), path)
    finished = int(model.stage)
    if finished < model.num_scales or not model.num_scales:
        raise InputError(f'{path} is not finished: {finished} of {model.num_scales} scales are trained to the end')
    return model


def finished_scales(path: str | Path) -> dict:
    """A checkpoint of the scales that are finished: a smaller SinGAN, which :func:`load_singan` loads.

    While a SinGAN is being trained, its finished scales are what a run on the picture at their size would have given.

    Args:
        path: A checkpoint of a SinGAN, whose last scales may be untrained.

    Returns:
        ``meta`` and ``state_dict``, as of a SinGAN without a discriminator. Its picture is the trained one at the
        size of the last finished scale. ``meta['pyramid']`` lists the (height, width) of all scales, trained or not.

    Raises:
        InputError: If the checkpoint cannot be read, is another model's, or has no finished scale.

    >>> from mmpe.editing.example import example_singan
    >>> model = example_singan()
    >>> config = dict(type='SinGANModel', generator=dict(type='SinGANGenerator', base_channels=4, encoding=dict(
    ...     type='CartesianGrid')))
    >>> model.stage.fill_(2)
    tensor(2)
    >>> torch.save(dict(meta=dict(model=config), state_dict=model.state_dict()), 'iter_500.pth')
    >>> torch.save(finished_scales('iter_500.pth'), 'two_scales.pth')
    >>> load_singan('two_scales.pth').sample().shape
    torch.Size([1, 3, 17, 23])
    """
    checkpoint = read_checkpoint(path)
    model = _of_a_singan(build(checkpoint, path), path)
    count = int(model.stage)
    if not count:
        raise InputError(f'{path} has no finished scale yet')
    state = {name: value for name, value in model.state_dict().items() if _is_of(name, count)}
    for name in ('sizes', 'noise_weights'):
        state[name] = state[name][:count]
    state['picture'] = resize(state['picture'], tuple(state['sizes'][-1].tolist()))
    state['step'] = torch.zeros_like(state['step'])
    config = {name: value for name, value in model_config(checkpoint).items() if name != 'discriminator'}
    config['generator'] = {name: value for name, value in config['generator'].items() if name != 'num_scales'}
    return dict(meta=dict(model=config, pyramid=model.sizes.tolist()), state_dict=state)


def _of_a_singan(model: torch.nn.Module, path: str | Path) -> SinGANModel:
    if not isinstance(model, SinGANModel):
        raise InputError(f'{path} is a checkpoint of {type(model).__name__}: give a checkpoint of a SinGAN')
    return model


def _is_of(name: str, count: int) -> bool:
    """Whether an entry of the state dict belongs to a sampler of the first ``count`` scales."""
    if name.startswith('discriminator.') or name == 'given_blocks':
        return False
    parts = name.split('.')
    return not name.startswith('generator.blocks.') or int(parts[2]) < count
