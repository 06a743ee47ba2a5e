"""Where gradients are differentiated again, as penalties do: networks run uncompiled there, and in full precision."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

_wanted = False


@contextmanager
def second_derivatives() -> Iterator[None]:
    """Within, what networks compute can be differentiated twice.

    ``torch.compile`` has no second derivatives, and they go below float16's range. So networks that are compiled run
    uncompiled, and those that compute in float16 of their own accord (``num_fp16_res``) compute in float32. Autocast
    stays as it is.

    >>> x = torch.ones((), requires_grad=True)
    >>> with second_derivatives():
    ...     (slope,) = torch.autograd.grad(x**3, x, create_graph=True)
    >>> torch.autograd.grad(slope, x)
    (tensor(6.),)
    """
    global _wanted
    before, _wanted = _wanted, True
    try:
        with uncompiled():
            yield
    finally:
        _wanted = before


def second_derivatives_wanted() -> bool:
    """Whether this is called within :func:`second_derivatives`.

    >>> second_derivatives_wanted()
    False
    """
    return _wanted


def uncompiled() -> AbstractContextManager:
    """A context in which whatever is compiled runs as if it were not.

    >>> with uncompiled():
    ...     torch.ones(2).sum()
    tensor(2.)
    """
    # nothing is compiled where PyTorch's compiler has not been imported, which takes a second
    return torch.compiler.set_stance('force_eager') if 'torch._dynamo' in sys.modules else nullcontext()
