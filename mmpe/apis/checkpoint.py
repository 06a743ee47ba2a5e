"""From a checkpoint file to a model."""

from __future__ import annotations

from pathlib import Path

import torch
from mmengine.model import BaseModel

from mmpe.checkpoints import read_checkpoint
from mmpe.errors import InputError, naming
from mmpe.model_config import build_model


def load(path: str | Path, device: str | torch.device = 'cpu') -> BaseModel:
    """Build the model of a checkpoint, with its weights, ready to sample; the file is all it takes.

    Args:
        path: A checkpoint written by ``mmpe train`` or ``mmpe convert``.
        device: Where to put the model.

    Returns:
        In eval mode.

    Raises:
        InputError: If the file cannot be read, does not say what model it is of, names anything that is not registered
            in mmpe, or does not fit its model.
    """
    return build(read_checkpoint(path), path).to(device)


def build(checkpoint: dict, path: str | Path) -> BaseModel:
    """As :func:`load`, of a checkpoint that has been read, on the CPU; ``path`` is for what an error says."""
    config = model_config(checkpoint)
    if not config or 'type' not in config:
        raise InputError(f'{path} does not say what model it is of: convert it with mmpe convert')
    with naming(path):
        return build_model(config, checkpoint['state_dict']).eval()


def model_config(checkpoint: dict) -> dict | None:
    """The config that a checkpoint says its model was built from."""
    return checkpoint['meta'].get('model')
