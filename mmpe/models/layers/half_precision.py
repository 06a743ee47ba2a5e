"""float16 in some layers of a network alone, as the official code of StyleGAN2-ADA has it ("mixed precision")."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from mmpe.second_derivatives import second_derivatives_wanted


def float16(x: Tensor, wanted: bool = True) -> AbstractContextManager:
    """A context of autocast to float16 on the device of ``x``, where it is ``wanted``; else precision stays as it is.

    It also stays within :func:`mmpe.second_derivatives.second_derivatives`.

    >>> with float16(x := torch.ones(2, 2)):
    ...     (x @ x).dtype
    torch.float16
    """
    in_half = wanted and not second_derivatives_wanted()
    return torch.autocast(x.device.type, torch.float16) if in_half else nullcontext()


def limited(x: Tensor, limit: float | Tensor | None) -> Tensor:
    """``x``, no further from 0 than ``limit``: float16 ends at 65504, and a convolution sums many numbers.

    Args:
        x: Any numbers; infinities are limited, too.
        limit: Positive, one for all or broadcast; None: no limit.

    >>> limited(torch.tensor([-300.0, 1.0, float('inf')]), 256)
    tensor([-256.,    1.,  256.])
    """
    return x if limit is None else x.clamp(-limit, limit)
