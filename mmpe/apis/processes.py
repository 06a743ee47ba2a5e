"""Several processes, with or without GPUs."""

from __future__ import annotations

import torch
import torch.distributed as dist
from mmengine.config import Config


def join_processes(config: Config) -> None:
    """Join the processes that torchrun started where there is no GPU; MMEngine asks for one then."""
    if config.get('launcher') == 'pytorch' and not torch.cuda.is_available() and not dist.is_initialized():
        dist.init_process_group('gloo')
