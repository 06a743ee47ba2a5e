"""From a checkpoint file to a model."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from mmengine.model import BaseModel

from mmpe.errors import InputError
from mmpe.registry import MODELS


def read_checkpoint(path: str | Path) -> dict:
    """Read a checkpoint onto the CPU; nothing but tensors and plain data is unpickled.

    Raises:
        InputError: If there is no such file, or it is empty, cut short, or no checkpoint.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'there is no checkpoint at {path}')
    if path.stat().st_size == 0:
        raise InputError(f'{path} is empty')
    try:
        checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:  # PyTorch's advice is to unpickle anything
        raise InputError(
            f'{path} cannot be read as a checkpoint: it holds more than tensors and plain data, or no tensors at all'
        ) from error
    except (RuntimeError, EOFError, OSError, KeyError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f'{path} cannot be read as a checkpoint, it may have been cut short: {reason}') from error
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get('state_dict'), dict):
        raise InputError(f'{path} is no checkpoint: it has no state_dict')
    return checkpoint


def load(path: str | Path, device: str | torch.device = 'cpu') -> BaseModel:
    """Build the model of a checkpoint, with its weights, ready to sample; the file is all it takes.

    Args:
        path (str | Path): A checkpoint written by ``tools/train.py`` or ``tools/convert_checkpoint.py``.
        device (str | torch.device): Where to put the model.

    Returns:
        BaseModel: In eval mode.

    Raises:
        InputError: If the file cannot be read, does not say what model it is of, or does not fit it.
    """
    return build(read_checkpoint(path), path).to(device)


def build(checkpoint: dict, path: str | Path) -> BaseModel:
    """As :func:`load`, of a checkpoint that has been read, on the CPU; ``path`` is for what an error says."""
    config = model_config(checkpoint)
    if not isinstance(config, dict) or 'type' not in config:
        raise InputError(f'{path} does not say what model it is of: convert it with tools/convert_checkpoint.py')
    try:
        model = MODELS.build(config)
        model.load_state_dict(checkpoint['state_dict'])
    except (KeyError, TypeError, RuntimeError) as error:
        reason = ' '.join(str(error).split())
        raise InputError(f'{path} does not fit the model that it names, {config["type"]}: {reason}') from error
    return model.eval()


def model_config(checkpoint: dict) -> dict | None:
    """The config that a checkpoint says its model was built from."""
    return (checkpoint.get('meta') or {}).get('model')
