"""What training on several processes asks of a training rule."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from mmengine.dist import all_reduce_params, broadcast, get_world_size
from torch.nn import Module, Parameter


def average_gradients(parameters: Iterable[Parameter]) -> None:
    """Replace every gradient by its mean over all processes; a single process has nothing to do.

    >>> layer = torch.nn.Linear(1, 1)
    >>> average_gradients(layer.parameters())
    """
    if get_world_size() > 1:
        all_reduce_params([p.grad for p in parameters if p.grad is not None], op='mean')


def broadcast_state(module: Module) -> None:
    """Give all processes the weights and buffers of the first.

    >>> broadcast_state(torch.nn.Linear(1, 1))
    """
    for tensor in module.state_dict().values():
        broadcast(tensor)


def common_seed() -> int:
    """The first process's seed, in all processes: MMEngine's ``diff_rank_seed`` gives each its own.

    >>> _ = torch.manual_seed(3)
    >>> common_seed()
    3
    """
    seed = torch.tensor(torch.initial_seed() % 2**63)
    broadcast(seed)
    return int(seed)
