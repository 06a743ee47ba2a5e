"""Devices and folders that a user names, checked before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from mmpe.errors import InputError


def find_device(name: str) -> torch.device:
    """A device that works here, by PyTorch's name, such as ``cuda:1``.

    Raises:
        InputError: If there is none.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(f'there is no device {name!r} here') from error
    return device


def check_writable(folder: str | Path) -> None:
    """Refuse a folder that could not be written to, before the work is done and without making it.

    Raises:
        InputError: If it could not.
    """
    folder = Path(folder)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir():
        raise InputError(f'{folder} cannot be written: {existing} is a file')
    if not os.access(existing, os.W_OK):
        raise InputError(f'{folder} cannot be written: no permission to write to {existing}')
