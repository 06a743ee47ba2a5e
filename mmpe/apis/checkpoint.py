"""From a checkpoint file to a model."""

from __future__ import annotations

from pathlib import Path

import torch
from mmengine.model import BaseModel

from mmpe.checkpoints import read_checkpoint
from mmpe.errors import InputError, naming
from mmpe.model_config import build_model


def load(path: str | Path, device: str | torch.device = 'cpu') -> BaseModel:
    """Load a model, ready to sample, from its checkpoint and no other file.

    Args:
        path: A checkpoint, written by ``mmpe train`` or ``mmpe convert``.
        device: The device that the model is put on.

    Returns:
        The model, in eval mode.

    Raises:
        InputError: If the file cannot be read, has no config of its model, names anything that is not registered in
            mmpe, or does not fit its model.

    >>> from mmpe.registry import MODELS
    >>> config = dict(type='DCGANModel', generator=dict(type='DCGANGenerator', output_scale=8, base_channels=8))
    >>> torch.save(dict(meta=dict(model=config), state_dict=MODELS.build(config).state_dict()), 'untrained.pth')
    >>> load('untrained.pth').sample(2).shape
    torch.Size([2, 3, 8, 8])
    """
    return build(read_checkpoint(path), path).to(device)


def build(checkpoint: dict, path: str | Path) -> BaseModel:
    """Build the model of a checkpoint that has been read, on the CPU: see :func:`load`. Errors name ``path``."""
    config = model_config(checkpoint)
    if not config or 'type' not in config:
        raise InputError(f'{path} does not say what model it is of: convert it with mmpe convert')
    with naming(path):
        return build_model(config, checkpoint['state_dict']).eval()


def model_config(checkpoint: dict) -> dict | None:
    """The config of the model in a checkpoint, or None if the checkpoint has none."""
    return checkpoint['meta'].get('model')
