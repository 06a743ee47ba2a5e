"""SinGANs from their checkpoints."""

from __future__ import annotations

from pathlib import Path

import torch

from mmpe.errors import InputError
from mmpe.models.singan import SinGANModel

from .checkpoint import load


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
    model = load(path, device)
    if not isinstance(model, SinGANModel):
        raise InputError(f'{path} is a checkpoint of {type(model).__name__}: give a checkpoint of a SinGAN')
    finished = int(model.stage)
    if finished < model.num_scales or not model.num_scales:
        raise InputError(f'{path} is not finished: {finished} of {model.num_scales} scales are trained to the end')
    return model
