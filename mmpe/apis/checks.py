"""Devices that a user names, checked before any work is done."""

from __future__ import annotations

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
