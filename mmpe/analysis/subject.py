"""What an instrument analyzes: a module and its inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from mmpe.numbers import check_whole
from mmpe.random_numbers import check_seed, random_generator

from .maps import checked, find_map, map_tensors, values_of

SampleInput = Callable[[int, torch.Generator], Any]
OUTPUT = 'output'


@dataclass(frozen=True)
class Subject:
    """A module and its inputs.

    Attributes:
        module: Any module. It runs in eval mode and is left unchanged.
        inputs: ``inputs(num, rng)`` draws the inputs of ``num`` images with ``rng``, a ``torch.Generator`` on the CPU.
            It returns a tuple of the module's arguments, or its only argument.
        seed: Seed of the inputs, and of the random numbers that the module draws itself.
        batch: Draws at a time. Another batch size gives other draws, as one random generator draws a whole batch.

    Raises:
        InputError: If the seed or the batch size is not valid.

    >>> subject = Subject(nn.Conv2d(1, 2, 3), lambda num, rng: torch.randn(num, 1, 6, 8, generator=rng), batch=4)
    >>> [subject.run_map(inputs, first).shape for inputs, first in subject.draws(6)]
    [torch.Size([4, 2, 4, 6]), torch.Size([2, 2, 4, 6])]
    """

    module: nn.Module
    inputs: SampleInput
    seed: int = 0
    batch: int = 8

    def __post_init__(self):
        check_whole(1, batch=self.batch)
        check_seed(self.seed)

    def of(self, module: nn.Module) -> Subject:
        """The same draws for another module."""
        return replace(self, module=module)

    def draws(self, num: int) -> Iterator[tuple[tuple, int]]:
        """The inputs of so many draws, batch by batch, each with the number of its first draw.

        The first whole batches are the same for any number of draws.
        """
        for first in range(0, num, self.batch):
            yield self.draw(min(self.batch, num - first), first), first

    def draw(self, num: int, first: int = 0) -> tuple:
        """The arguments of one call, on the module's device."""
        inputs = self.inputs(num, random_generator('analysis', self.seed, first))
        tensor = next(chain(self.module.parameters(), self.module.buffers()), None)
        moved = map_tensors(lambda x: x if tensor is None else x.to(tensor.device), inputs)
        return moved if isinstance(moved, tuple) else (moved,)

    @torch.no_grad()
    def run(self, inputs: tuple, first: int = 0) -> Any:
        """Call the module in eval mode. Its own random numbers depend only on ``seed`` and ``first``."""
        modes = [(part, part.training) for part in self.module.modules()]
        devices = {x.device for x in (*self.module.parameters(), *self.module.buffers()) if x.is_cuda}
        try:
            for part, _ in modes:
                part.training = False
            with torch.random.fork_rng(devices=list(devices)):
                torch.manual_seed(random_generator('analysed module', self.seed, first).initial_seed())
                return self.module(*inputs)
        finally:
            for part, mode in modes:
                part.training = mode

    def run_map(self, inputs: tuple, first: int = 0) -> Tensor:
        """The map (N, C, H, W) that a call returns, in full precision.

        Raises:
            InputError: See :func:`mmpe.analysis.draw_features`.
        """
        found = find_map(self.run(inputs, first))
        output = None if found is None else values_of(found).float()
        return checked(OUTPUT, output, None if output is None else len(output))
