"""One step of an optimiser, in all families: losses one after another, then their gradients of all processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from .distributed import average_gradients

Loss = tuple[str, Callable[[], Tensor]]


def accumulate_gradients(optimizer: OptimWrapper, network: nn.Module, losses: Sequence[Loss]) -> dict[str, Tensor]:
    """Add the gradients of losses to a network's, each propagated before the next loss is computed: less memory.

    Args:
        optimizer (OptimWrapper): It scales losses, and has them computed within autocast where it does so.
        network (nn.Module): Of the optimiser.
        losses (Sequence[tuple[str, Callable]]): Names, and functions without arguments that compute them.

    Returns:
        dict[str, Tensor]: The losses, detached.
    """
    found = {}
    for name, loss in losses:
        with optimizer.optim_context(network):
            value = loss()
        optimizer.backward(optimizer.scale_loss(value))
        found[name] = value.detach()
    return found


def step(optimizer: OptimWrapper, network: nn.Module) -> None:
    """Step by the mean of all processes' gradients, and clear them."""
    average_gradients(network.parameters())
    optimizer.step()
    optimizer.zero_grad()
