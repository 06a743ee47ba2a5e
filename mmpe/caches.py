"""Where mmpe remembers what took long to find out. It keeps data there, never programs."""

from __future__ import annotations

from pathlib import Path

import torch


def cache_folder() -> Path:
    """``mmpe`` in PyTorch's hub folder, which ``TORCH_HOME`` and ``XDG_CACHE_HOME`` move; it may not exist yet."""
    return Path(torch.hub.get_dir()) / 'mmpe'
