"""What training on several processes asks of a training rule."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from mmengine.dist import all_reduce_params, broadcast, get_world_size
from torch.nn import Module, Parameter


def average_gradients(parameters: Iterable[Parameter]) -> None:
    """Replace every gradient by its mean over all processes; nothing to do for a single one."""
    if get_world_size() > 1:
        all_reduce_params([p.grad for p in parameters if p.grad is not None], op='mean')


def broadcast_state(module: Module) -> None:
    """Give all processes the first one's weights and buffers."""
    for tensor in module.state_dict().values():
        broadcast(tensor)


def common_seed() -> int:
    """The first process's seed, in all of them: MMEngine's ``diff_rank_seed`` gives each another."""
    seed = torch.tensor(torch.initial_seed() % 2**63)
    broadcast(seed)
    return int(seed)
