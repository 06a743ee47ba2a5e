"""One step of an optimizer, in all families: the gradients of losses one after another, averaged over processes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from .distributed import average_gradients, averaging_gradients
from .losses import Term


def accumulate_gradients(
    optimizer: OptimWrapper, network: nn.Module, terms: Sequence[Term], average: bool = False
) -> dict[str, Tensor]:
    """Add the gradients of losses to a network's, each propagated before the next loss is computed: less memory.

    Args:
        optimizer: It scales losses, and has them computed within autocast where it does so.
        network: The network that the optimizer steps.
        terms: Names of losses, and functions without arguments that compute them.
        average: Whether nothing more is added before the step: the gradients are averaged over all processes, while the
            last loss is still being propagated.

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
    for number, (name, compute) in enumerate(terms, start=1):
        with optimizer.optim_context(network):
            value = compute()
        loss = optimizer.scale_loss(value)
        is_last = average and number == len(terms)
        with averaging_gradients(network.parameters(), loss) if is_last else nullcontext():
            optimizer.backward(loss)
        found[name] = value.detach()
    return found


def step(optimizer: OptimWrapper, network: nn.Module | None = None) -> None:
    """Step by the mean of all processes' gradients, and clear them.

    Args:
        optimizer: The optimizer.
        network: The network whose gradients are still to be averaged. None: they have been.
    """
    if network is not None:
        average_gradients(network.parameters())
    optimizer.step()
    optimizer.zero_grad()
