"""The gradient by the weight of a 3x3 convolution with a stride, on a CPU: one product of matrices."""

from __future__ import annotations

from torch import Tensor

_AT_ONCE = 2**11  # pixels: few enough for what is made of them to stay in a core's cache


def weight_gradient(grad: Tensor, x: Tensor, stride: tuple[int, int]) -> Tensor:
    """The gradient by the weight (O, I, 3, 3) of a convolution with a stride and without padding.

    >>> import torch
    >>> weight_gradient(torch.zeros(1, 4, 2, 3), torch.zeros(1, 2, 5, 7), (2, 2)).shape
    torch.Size([4, 2, 3, 3])
    """
    found = grad.new_zeros(grad.shape[1], 9 * x.shape[1])
    images = max(1, _AT_ONCE // (x.shape[2] * x.shape[3]))
    for part, inputs in zip(grad.split(images), x.split(images)):
        seen = inputs.unfold(2, 3, stride[0]).unfold(3, 3, stride[1]).permute(0, 2, 3, 4, 5, 1)
        found.addmm_(part.permute(0, 2, 3, 1).flatten(0, 2).T, seen.reshape(-1, found.shape[1]))
    return found.view(-1, 3, 3, x.shape[1]).permute(0, 3, 1, 2)
