"""3x3 convolutions from many channels to few, such as those that end a network: one product of matrices.

PyTorch's own compute 16 channels where one or three are asked for. Here each pixel is multiplied with all nine places
of the kernels at once. That gives nine images per channel, which are shifted and added up.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
    """``F.conv2d`` of (N, I, H, W) with (O, I, 3, 3) and stride 1, channels last.

    >>> convolve(torch.zeros(1, 64, 5, 7), torch.zeros(1, 64, 3, 3), None, (1, 1)).shape
    torch.Size([1, 1, 5, 7])
    """
    count, channels, height, width = x.shape
    parts = weight.permute(2, 3, 0, 1).reshape(-1, channels) @ _pixels(x).T
    parts = parts.view(3, 3, -1, count, height, width)
    by_padding_2 = parts.new_zeros((*parts.shape[2:4], height + 2, width + 2), dtype=torch.float32)
    for i in range(3):
        for j in range(3):
            by_padding_2[..., 2 - i : height + 2 - i, 2 - j : width + 2 - j] += parts[i, j]
    result = F.pad(by_padding_2, (padding[1] - 2,) * 2 + (padding[0] - 2,) * 2)
    if bias is not None:
        result += bias[:, None, None, None]
    return result.transpose(0, 1).to(x.dtype).contiguous(memory_format=torch.channels_last)


def input_gradient(grad: Tensor, weight: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient by an input of few channels: a convolution with the kernels turned around.

    >>> input_gradient(torch.zeros(1, 64, 5, 7), torch.zeros(64, 3, 3, 3), (1, 1)).shape
    torch.Size([1, 3, 5, 7])
    """
    return convolve(grad, weight.flip(2, 3).transpose(0, 1), None, (2 - padding[0], 2 - padding[1]))


def weight_gradient(grad: Tensor, x: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient by the weight of :func:`convolve`, (O, I, 3, 3).

    >>> weight_gradient(torch.zeros(1, 1, 5, 7), torch.zeros(1, 64, 5, 7), (1, 1)).shape
    torch.Size([1, 64, 3, 3])
    """
    seen_by = F.pad(grad, (2 - padding[1],) * 2 + (2 - padding[0],) * 2)
    shifted = seen_by.unfold(2, x.shape[2], 1).unfold(3, x.shape[3], 1)  # N, O, 3, 3, H, W
    found = shifted.permute(1, 2, 3, 0, 4, 5).reshape(-1, x[:, 0].numel()) @ _pixels(x)
    return found.view(-1, 3, 3, x.shape[1]).flip(1, 2).permute(0, 3, 1, 2)


def _pixels(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
