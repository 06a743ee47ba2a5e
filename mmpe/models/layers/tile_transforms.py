"""The loops of :mod:`~mmpe.models.layers.tile_convolution`, compiled by Numba: tiles to points, and back.

A strip is a row of tiles, for four rows of an image's outputs. The pixels of a row, and the tiles of a strip, lie one
after the other with all their channels. The first step is in columns, for a whole row at once; the second in rows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numba
import numpy as np
import torch
from numba import prange

_options = dict(nogil=True, error_model='numpy', fastmath={'contract', 'nsz', 'reassoc'})
_compiled = numba.njit(**_options)
_one_at_a_time = threading.Lock()  # not all of Numba's threading layers can be called by two threads at once

A, B = 5 / 8, 3 / 2
"""The points are 0, A, -A, B, -B and infinity; among such points, rounding errors are smallest by these."""

_f = np.float32
_a, _b, _a2, _b2, _a2b2, _a2_b2 = _f(A), _f(B), _f(A**2), _f(B**2), _f((A * B) ** 2), _f(A**2 + B**2)


def _start_threads() -> None:
    """Start those of Numba, which set the number of PyTorch's, where both have the same OpenMP; set it back."""
    threads = torch.get_num_threads()
    numba.get_num_threads()
    torch.set_num_threads(threads)


_start_threads()


def _all_strips(loop: Callable[..., None]) -> Callable[..., None]:
    """``loop`` on as many threads as PyTorch has, compiled when it is first called."""
    try:
        run_all = numba.njit(parallel=True, cache=True, **_options)(loop)
    except RuntimeError:  # there is no folder to keep it in
        run_all = numba.njit(parallel=True, **_options)(loop)

    def run(*args) -> None:
        with _one_at_a_time:
            numba.set_num_threads(min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))
            run_all(*args)

    return run


@_all_strips
def inputs_at_points(x, points, channels, strips, first, top, left):
    """Find the values at the points of the 6x6 inputs that each tile sees.

    Args:
        x: Images, (N, H, W * channels).
        points: The values, (6, 6, some strips, tiles * channels); filled in.
        channels: Those of a pixel.
        strips: Those of an image.
        first: Index of the first strip that is wanted, among those of all images.
        top: Rows of zeros above an image, or minus the rows to leave out; below are as many zeros as are seen.
        left: Likewise, columns.
    """
    for i in prange(points.shape[2]):
        strip = first + i
        _inputs_of_strip(x[strip // strips], strip % strips * 4 - top, left, points, i, channels)


@_all_strips
def outputs_at_points(y, points, channels, strips, first):
    """Find the values at the points of 4x4 outputs, such as gradients by them.

    Args:
        y: Images, (N, H, W * channels).
        points: The values, (6, 6, some strips, tiles * channels); filled in.
        channels: Those of a pixel.
        strips: Those of an image.
        first: Index of the first strip that is wanted, among those of all images.
    """
    for i in prange(points.shape[2]):
        strip = first + i
        _outputs_of_strip(y[strip // strips], strip % strips * 4, points, i, channels)


@_all_strips
def outputs_of_points(points, y, bias, strips, first):
    """Find 4x4 outputs by their values at the points.

    Args:
        points: The values, (6, 6, some strips, tiles * channels).
        y: Images, (N, H, W * channels); filled in.
        bias: What is added, (channels,).
        strips: Those of an image.
        first: Index of the first strip of ``points``, among those of all images.
    """
    for i in prange(points.shape[2]):
        strip = first + i
        _strip_of_points(points, i, y[strip // strips], strip % strips * 4, bias)


@_compiled
def _input_at_points(x0, x1, x2, x3, x4, x5):
    zero, infinity = _a2b2 * x0 - _a2_b2 * x2 + x4, _a2b2 * x1 - _a2_b2 * x3 + x5
    even_a, odd_a, even_b, odd_b = x4 - _b2 * x2, _a * (x3 - _b2 * x1), x4 - _a2 * x2, _b * (x3 - _a2 * x1)
    return zero, even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, infinity


@_compiled
def _output_at_points(y0, y1, y2, y3):
    even_a, odd_a, even_b, odd_b = y0 + _a2 * y2, _a * (y1 + _a2 * y3), y0 + _b2 * y2, _b * (y1 + _b2 * y3)
    return y0, even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, y3


@_compiled
def _output_of_points(zero, plus_a, minus_a, plus_b, minus_b, infinity):
    even_a, odd_a, even_b, odd_b = plus_a + minus_a, _a * (plus_a - minus_a), plus_b + minus_b, _b * (plus_b - minus_b)
    return zero + even_a + even_b, odd_a + odd_b, _a2 * even_a + _b2 * even_b, _a2 * odd_a + _b2 * odd_b + infinity


@_compiled
def _row(image, y, zeros):
    return image[y] if 0 <= y < len(image) else zeros


@_compiled
def _inputs_of_strip(image, top, left, points, strip, channels):
    tiles = points.shape[3] // channels
    zeros, rows = np.zeros(image.shape[1], _f), np.empty((6, (4 * tiles + 2) * channels), _f)
    x0, x1, x2 = _row(image, top, zeros), _row(image, top + 1, zeros), _row(image, top + 2, zeros)
    x3, x4, x5 = _row(image, top + 3, zeros), _row(image, top + 4, zeros), _row(image, top + 5, zeros)
    if left < 0:
        start, left = -left * channels, 0
        x0, x1, x2, x3, x4, x5 = x0[start:], x1[start:], x2[start:], x3[start:], x4[start:], x5[start:]
    start = left * channels
    rows[:, :start], rows[:, start + len(x0) :] = 0, 0
    r0, r1, r2 = rows[0, start:], rows[1, start:], rows[2, start:]
    r3, r4, r5 = rows[3, start:], rows[4, start:], rows[5, start:]
    for i in range(min(len(x0), len(r0))):
        r0[i], r1[i], r2[i], r3[i], r4[i], r5[i] = _input_at_points(x0[i], x1[i], x2[i], x3[i], x4[i], x5[i])
    for row in range(6):
        p0, p1, p2 = points[row, 0, strip], points[row, 1, strip], points[row, 2, strip]
        p3, p4, p5 = points[row, 3, strip], points[row, 4, strip], points[row, 5, strip]
        for tile in range(tiles):
            x0 = rows[row, 4 * tile * channels :]
            x1, x2, x3 = x0[channels:], x0[2 * channels :], x0[3 * channels :]
            x4, x5 = x0[4 * channels :], x0[5 * channels :]
            start = tile * channels
            a0, a1, a2, a3, a4, a5 = p0[start:], p1[start:], p2[start:], p3[start:], p4[start:], p5[start:]
            for i in range(channels):
                a0[i], a1[i], a2[i], a3[i], a4[i], a5[i] = _input_at_points(x0[i], x1[i], x2[i], x3[i], x4[i], x5[i])


@_compiled
def _outputs_of_strip(image, top, points, strip, channels):
    tiles = points.shape[3] // channels
    zeros, rows = np.zeros(image.shape[1], _f), np.empty((6, 4 * tiles * channels), _f)
    rows[:, len(zeros) :] = 0
    y0, y1 = _row(image, top, zeros), _row(image, top + 1, zeros)
    y2, y3 = _row(image, top + 2, zeros), _row(image, top + 3, zeros)
    r0, r1, r2, r3, r4, r5 = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5]
    for i in range(len(y0)):
        r0[i], r1[i], r2[i], r3[i], r4[i], r5[i] = _output_at_points(y0[i], y1[i], y2[i], y3[i])
    for row in range(6):
        p0, p1, p2 = points[row, 0, strip], points[row, 1, strip], points[row, 2, strip]
        p3, p4, p5 = points[row, 3, strip], points[row, 4, strip], points[row, 5, strip]
        for tile in range(tiles):
            y0 = rows[row, 4 * tile * channels :]
            y1, y2, y3 = y0[channels:], y0[2 * channels :], y0[3 * channels :]
            start = tile * channels
            a0, a1, a2, a3, a4, a5 = p0[start:], p1[start:], p2[start:], p3[start:], p4[start:], p5[start:]
            for i in range(channels):
                a0[i], a1[i], a2[i], a3[i], a4[i], a5[i] = _output_at_points(y0[i], y1[i], y2[i], y3[i])


@_compiled
def _strip_of_points(points, strip, image, top, bias):
    channels = len(bias)
    tiles = points.shape[3] // channels
    rows, beyond = np.empty((4, 6, tiles * channels), _f), np.empty(channels, _f)
    for point in range(6):
        p0, p1, p2 = points[0, point, strip], points[1, point, strip], points[2, point, strip]
        p3, p4, p5 = points[3, point, strip], points[4, point, strip], points[5, point, strip]
        r0, r1, r2, r3 = rows[0, point], rows[1, point], rows[2, point], rows[3, point]
        for i in range(len(p0)):
            r0[i], r1[i], r2[i], r3[i] = _output_of_points(p0[i], p1[i], p2[i], p3[i], p4[i], p5[i])
    for row in range(min(4, len(image) - top)):
        for tile in range(tiles):
            start = tile * channels
            p0, p1, p2 = rows[row, 0, start:], rows[row, 1, start:], rows[row, 2, start:]
            p3, p4, p5 = rows[row, 3, start:], rows[row, 4, start:], rows[row, 5, start:]
            y0 = image[top + row, 4 * start :]
            y1 = y0[channels:] if len(y0) > channels else beyond
            y2 = y0[2 * channels :] if len(y0) > 2 * channels else beyond
            y3 = y0[3 * channels :] if len(y0) > 3 * channels else beyond
            for i in range(channels):
                a0, a1, a2, a3 = _output_of_points(p0[i], p1[i], p2[i], p3[i], p4[i], p5[i])
                y0[i], y1[i], y2[i], y3[i] = a0 + bias[i], a1 + bias[i], a2 + bias[i], a3 + bias[i]
