"""Where mmpe remembers what took long to find out. It keeps data there, never programs."""

from __future__ import annotations

from pathlib import Path

import torch


def cache_folder() -> Path:
    """The folder ``mmpe`` in PyTorch's hub folder, which ``TORCH_HOME`` and ``XDG_CACHE_HOME`` move. It may not exist.

    >>> cache_folder().name
    'mmpe'
    """
    return Path(torch.hub.get_dir()) / 'mmpe'
