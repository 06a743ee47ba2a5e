"""Devices that a user names, checked before any work is done."""

from __future__ import annotations

import torch

from mmpe.errors import InputError


def find_device(name: str) -> torch.device:
    """The device of a name, such as ``cuda:1``, if it works on this machine.

    Raises:
        InputError: If PyTorch does not know the name, or the machine has no such device.

    >>> find_device('cpu')
    device(type='cpu')
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(f'there is no device {name!r} here') from error
    return device
