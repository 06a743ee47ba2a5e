"""Hooks that act on all processes where one of them has a reason."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook


class AgreeingHook(Hook):
    """A hook that acts on the largest notice of all processes, so that none goes on alone.

    :class:`~mmpe.engine.train_loop.TrainLoop` has all such hooks agree by one reduction per iteration; in another loop
    each reduces by itself.
    """

    _agreed: int | None = None

    @abstractmethod
    def notice(self, outputs: dict | None) -> int:
        """What this process has noticed, given the outputs of a step; 0 for nothing."""

    def anywhere(self, outputs: dict | None = None) -> int:
        """The largest notice of all processes."""
        if self._agreed is None and get_world_size() > 1:
            agree([self], outputs)
        agreed, self._agreed = self._agreed, None
        return self.notice(outputs) if agreed is None else agreed


def agree(hooks: Iterable[Hook], outputs: dict | None) -> None:
    """Have hooks know the largest notices of all processes, by one reduction.

    >>> agree([], dict(loss=0.5))
    """
    agreeing = [hook for hook in hooks if isinstance(hook, AgreeingHook)]
    if get_world_size() == 1 or not agreeing:
        return
    notices = torch.tensor([hook.notice(outputs) for hook in agreeing])
    all_reduce(notices, op='max')
    for hook, notice in zip(agreeing, notices.tolist()):
        hook._agreed = notice
