"""What training on several processes asks of a training rule."""

from __future__ import annotations

from collections.abc import Iterable

from mmengine.dist import all_reduce_params, get_world_size
from torch.nn import Parameter


def average_gradients(parameters: Iterable[Parameter]) -> None:
    """Replace every gradient by its mean over all processes; nothing to do for a single one."""
    if get_world_size() > 1:
        all_reduce_params([p.grad for p in parameters if p.grad is not None], op='mean')
