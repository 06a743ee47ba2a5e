"""One step of an optimizer, in all families: losses one after another, then their gradients of all processes."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from .distributed import average_gradients
from .losses import Term


def accumulate_gradients(optimizer: OptimWrapper, network: nn.Module, terms: Sequence[Term]) -> dict[str, Tensor]:
    """Add the gradients of losses to a network's, each propagated before the next loss is computed: less memory.

    Args:
        optimizer: It scales losses, and has them computed within autocast where it does so.
        network: The network that the optimizer steps.
        terms: Names of losses, and functions without arguments that compute them.

    Returns:
        The losses, detached, by their names.

    >>> import torch
    >>> network = nn.Linear(1, 1, bias=False)
    >>> optimizer = OptimWrapper(torch.optim.SGD(network.parameters(), lr=0.1))
    >>> weight = network.weight.sum
    >>> found = accumulate_gradients(optimizer, network, [('loss_a', weight), ('loss_b', lambda: 2 * weight())])
    >>> sorted(found), network.weight.grad.item()
    (['loss_a', 'loss_b'], 3.0)
    """
    found = {}
    for name, compute in terms:
        with optimizer.optim_context(network):
            value = compute()
        optimizer.backward(optimizer.scale_loss(value))
        found[name] = value.detach()
    return found


def step(optimizer: OptimWrapper, network: nn.Module) -> None:
    """Step by the mean of all processes' gradients, and clear them."""
    average_gradients(network.parameters())
    optimizer.step()
    optimizer.zero_grad()
