"""Blocks over large maps, window by window: their wide maps never exist as a whole.

A block's output at a place depends on its input within the reach of its convolutions, five pixels for five of 3x3. So a
window of the output is that of a window of the input which is larger by as much, cut off again where it does not end at
the map's own border. There the convolutions pad as they always do.
"""

from __future__ import annotations

import math
from itertools import product

import torch
from mmcv.cnn import ConvModule
from torch import Tensor

from mmpe.memory import MAPS_ALIVE
from mmpe.numbers import size_text
from mmpe.progress import tracked

from .blocks import ConvChain

LARGEST_MAP = 2**24
"""Numbers in the largest map that a block makes at once, where it can be helped: 64 MiB in float32."""

_WORTH_A_REPORT = 16


def in_windows(block: ConvChain, x: Tensor) -> Tensor:
    """``block(x)``, equal up to rounding, in windows where the maps between its convolutions would be large.

    The map stays whole where gradients are wanted, where a block normalizes by batch statistics (in training mode),
    where its padding looks further than the next line (``circular``, ``interp``), and where hooks want to see the maps.

    Args:
        block: With any padding of its own, or none.
        x: (N, C, H, W).

    Returns:
        (N, C', H', W').

    >>> block = ConvChain(3, 3, width=8).eval().requires_grad_(False)
    >>> in_windows(block, torch.zeros(1, 3, 20, 25)).shape
    torch.Size([1, 3, 10, 15])
    """
    if torch.compiler.is_exporting():  # a graph for all sizes
        return block(x)
    if block.width * x[0, 0].numel() <= LARGEST_MAP or not _is_local(block) or _wants_gradients(block, x):
        return block(x)
    reach = sum(layer.conv.kernel_size[0] // 2 for layer in block.layers)
    side = max(1, math.isqrt(LARGEST_MAP // block.width) - 2 * reach)
    paddings = [sum(padding) for padding in zip(*map(_padding, block.layers))]
    rows, columns = (_windows(n, side, reach, padding) for n, padding in zip(x.shape[-2:], paddings))
    windows = list(product(range(len(x)), rows, columns))
    out = None
    outputs = rows[-1][1].stop, columns[-1][1].stop
    reported = tracked(windows, size_text(outputs)) if len(windows) >= _WORTH_A_REPORT else windows
    for i, (seen_rows, of_rows, kept_rows), (seen_columns, of_columns, kept_columns) in reported:
        window = block(x[i : i + 1, :, seen_rows, seen_columns])[..., kept_rows, kept_columns]
        if out is None:
            out = window.new_empty(len(x), window.shape[1], *outputs)
        out[i, :, of_rows, of_columns] = window[0]
    return out


def memory_of_a_block(block: ConvChain, pixels: int) -> int:
    """Numbers that :func:`in_windows` holds at most, about, between a block's convolutions over so many pixels."""
    return MAPS_ALIVE * (min(block.width * pixels, LARGEST_MAP) if _is_local(block) else block.width * pixels)


def _windows(length: int, side: int, reach: int, padding: int) -> list[tuple[slice, slice, slice]]:
    """Windows along an axis: what each sees of the input, where it lies in the output, what is kept of its own output.

    Output ``o`` sees the inputs ``o - padding`` to ``o - padding + 2 * reach``. The first output of a window has the
    number of its first input; as many as the padding are wrong at an edge that is not the map's.
    """
    outputs = length - 2 * (reach - padding)
    count = math.ceil(outputs / side)
    edges = [outputs * i // count for i in range(count + 1)]
    windows = []
    for start, stop in zip(edges, edges[1:]):
        first, last = max(0, start - padding), min(length, stop - padding + 2 * reach)
        windows.append((slice(first, last), slice(start, stop), slice(start - first, stop - first)))
    return windows


def _is_local(block: ConvChain) -> bool:
    if block.training or any(part._forward_pre_hooks or part._forward_hooks for part in block.modules()):
        return False
    return all(layer.padding_layer.is_local for layer in block.layers if layer.with_explicit_padding)


def _wants_gradients(block: ConvChain, x: Tensor) -> bool:
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (x, *block.parameters()))


def _padding(layer: ConvModule) -> tuple[int, int]:
    """By how many rows and columns on each side a layer extends its input."""
    if not layer.with_explicit_padding:
        return layer.conv.padding
    left, _, top, _ = layer.padding_layer.padding
    return top, left
