"""What training on several processes asks of a training rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed as torch_dist
from mmengine.dist import broadcast, get_comm_device, get_world_size
from torch import Tensor
from torch.autograd.graph import increment_version
from torch.nn import Module, Parameter

_BUCKET = 25 * 2**20  # bytes, as DistributedDataParallel has them


def average_gradients(parameters: Iterable[Parameter]) -> None:
    """Replace every gradient by its mean over all processes; a single process has nothing to do.

    >>> layer = torch.nn.Linear(1, 1)
    >>> average_gradients(layer.parameters())
    """
    if get_world_size() > 1:
        _Buckets(parameters).finish()


@contextmanager
def averaging_gradients(parameters: Iterable[Parameter], loss: Tensor) -> Iterator[None]:
    """Within, the backward pass of a loss leaves means over all processes in place of gradients.

    Gradients are sent in buckets, those of the last layers first. A bucket is sent as soon as it is full, while the
    pass goes on; all processes send their buckets in the same order. Gradients that the pass does not change are
    averaged, too.

    >>> layer = torch.nn.Linear(1, 1)
    >>> loss = layer(torch.ones(1, 1)).sum()
    >>> with averaging_gradients(layer.parameters(), loss):
    ...     loss.backward()
    """
    if get_world_size() == 1:
        yield
        return
    buckets = _Buckets(parameters)
    with buckets.sent_when_full(_leaves(loss)):
        yield
    buckets.finish()


class _Buckets:
    """Gradients that are averaged over processes, some at a time, in an order that all processes share."""

    def __init__(self, parameters: Iterable[Parameter]):
        self.waiting = _in_buckets(parameters)
        self.sent = []

    @contextmanager
    def sent_when_full(self, expected: set[Tensor]) -> Iterator[None]:
        """Within, a bucket is sent when a backward pass has found its expected gradients, after all earlier ones."""
        missing = [expected.intersection(bucket) for bucket in self.waiting]
        bucket_of = {parameter: bucket for bucket in missing for parameter in bucket}

        def found(parameter: Parameter) -> None:
            bucket_of[parameter].discard(parameter)
            while missing and not missing[0]:
                missing.pop(0)
                self._send()

        hooks = [parameter.register_post_accumulate_grad_hook(found) for parameter in bucket_of]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def finish(self) -> None:
        """Send what is left, and put the means in place."""
        while self.waiting:
            self._send()
        for gradients, numbers, work in self.sent:
            work.wait()
            parts = numbers.div_(get_world_size()).split([gradient.numel() for gradient in gradients])
            for gradient, part in zip(gradients, parts):
                gradient.copy_(part.view(gradient.shape))

    def _send(self) -> None:
        gradients = [parameter.grad for parameter in self.waiting.pop(0) if parameter.grad is not None]
        if gradients:
            numbers = torch.cat([gradient.flatten() for gradient in gradients]).to(get_comm_device())
            self.sent.append((gradients, numbers, torch_dist.all_reduce(numbers, async_op=True)))


def _in_buckets(parameters: Iterable[Parameter]) -> list[list[Parameter]]:
    """Parameters of one type each, the last ones first: a backward pass reaches these first."""
    buckets, room, kind = [], 0, None
    for parameter in reversed(list(parameters)):
        if room <= 0 or parameter.dtype != kind:
            buckets.append([])
            room, kind = _BUCKET, parameter.dtype
        buckets[-1].append(parameter)
        room -= parameter.numel() * parameter.element_size()
    return buckets


def _leaves(loss: Tensor) -> set[Tensor]:
    """The tensors to which the backward pass of a loss leads."""
    found, seen, nodes = set(), set(), [loss.grad_fn]
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, torch._C._functions.AccumulateGrad):
            found.add(node.variable)
        nodes += [following for following, _ in node.next_functions]
    return found


def broadcast_state(module: Module) -> None:
    """Give all processes the weights and buffers of the first.

    >>> broadcast_state(torch.nn.Linear(1, 1))
    """
    for tensor in module.state_dict().values():
        broadcast(tensor)
        increment_version(tensor)  # which tells CountingModule that it may hold other numbers


def common_seed() -> int:
    """The first process's seed, in all processes: MMEngine's ``diff_rank_seed`` gives each its own.

    >>> _ = torch.manual_seed(3)
    >>> common_seed()
    3
    """
    seed = torch.tensor(torch.initial_seed() % 2**63)
    broadcast(seed)
    return int(seed)
