"""The running average of a generator, which is what gets sampled (Progressive GAN, sec. 2; StyleGAN3's ramp-up)."""

from __future__ import annotations

from copy import deepcopy
from typing import TypeVar

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from mmpe.numbers import check_above, given

Network = TypeVar('Network', bound=nn.Module)


class RunningAverage:
    """The rule of an exponential moving average, in images and not in updates: the batch size leaves it as it is.

    Args:
        half_life: Images after which half of what was learnt is new, above 0.
        ramp_up: The half-life is this share of the images seen so far until it reaches ``half_life``,
            so that the start is forgotten sooner; None: it is the same throughout.

    Raises:
        InputError: If one of them is not above 0.

    >>> rule = RunningAverage(half_life=100)
    >>> network = nn.Linear(1, 1)
    >>> average = rule.start(network)
    >>> _ = network.weight.data.add_(2)
    >>> rule.update(average, network, images=100, images_seen=100)
    >>> round((network.weight - average.weight).item(), 4)
    1.0
    """

    def __init__(self, half_life: float = 10_000, ramp_up: float | None = None):
        check_above(0, half_life=half_life, **given(ramp_up=ramp_up))
        self.half_life, self.ramp_up = half_life, ramp_up

    @staticmethod
    def start(network: Network) -> Network:
        """A copy to average into, in eval mode and without gradients."""
        return deepcopy(network).eval().requires_grad_(False)

    def decay(self, images: int, images_seen: int) -> float:
        """How much an update by ``images`` leaves of the average, ``images_seen`` counting them."""
        half_life = self.half_life
        if self.ramp_up is not None:
            half_life = min(half_life, images_seen * self.ramp_up)
        return 0.5 ** (images / half_life)

    @torch.no_grad()
    def update(self, average: nn.Module, network: nn.Module, images: int, images_seen: int) -> None:
        """Move ``average`` towards ``network`` after an update by ``images``; buffers are copied."""
        move = get_ema_multi_avg_fn(self.decay(images, images_seen))  # all parameters at once: few kernels on a GPU
        move(list(average.parameters()), list(network.parameters()), None)
        for old, new in zip(average.buffers(), network.buffers()):
            old.copy_(new)
