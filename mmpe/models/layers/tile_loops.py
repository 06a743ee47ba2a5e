"""The loops of :mod:`~mmpe.models.layers.tile_convolution`, compiled by Numba.

A strip is a row of tiles, for four rows of an image's outputs. Values at the points of tiles are (36, tiles, channels):
one matrix per point. They are made, multiplied and used up some tiles at once, while they are in a core's cache.

All of it is in one file, because Numba looks at no other when it asks whether what it has kept is out of date.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.core import cgutils
from numba.extending import intrinsic

from .numba_loops import compiled, parallel

A, B = 5 / 8, 3 / 2
"""The points are 0, A, -A, B, -B and infinity; among such points, rounding errors are smallest by these."""

ALIGNED = 16
"""Channels of matrices are filled up to a multiple of this: the numbers in the widest register of a CPU."""

ROWS = 4
"""Rows of a matrix of products that are computed at once, in registers. Rows are filled up to a multiple of it."""

_DEPTH = 32  # products that are added up at once, at most: the more there are, the more their rounding errors add up


_BY_0, _BY_A, _BY_B = 1 / (A * B) ** 2, 1 / (2 * A**2 * (A**2 - B**2)), 1 / (2 * B**2 * (B**2 - A**2))


def _kernel_at_points(w0, w1, w2):
    even_a, odd_a, even_b, odd_b = w0 + A**2 * w2, A * w1, w0 + B**2 * w2, B * w1
    at_a = _BY_A * (even_a + odd_a), _BY_A * (even_a - odd_a)
    return _BY_0 * w0, *at_a, _BY_B * (even_b + odd_b), _BY_B * (even_b - odd_b), w2


def _kernel_of_points(zero, plus_a, minus_a, plus_b, minus_b, infinity):
    """The transpose of :func:`_kernel_at_points`: the gradient by a kernel of the gradients by its values."""
    even_a, odd_a = _BY_A * (plus_a + minus_a), _BY_A * (plus_a - minus_a)
    even_b, odd_b = _BY_B * (plus_b + minus_b), _BY_B * (plus_b - minus_b)
    return _BY_0 * zero + even_a + even_b, A * odd_a + B * odd_b, A**2 * even_a + B**2 * even_b + infinity


def _input_at_points(x0, x1, x2, x3, x4, x5):
    zero, infinity = (A * B) ** 2 * x0 - (A**2 + B**2) * x2 + x4, (A * B) ** 2 * x1 - (A**2 + B**2) * x3 + x5
    even_a, odd_a, even_b, odd_b = x4 - B**2 * x2, A * (x3 - B**2 * x1), x4 - A**2 * x2, B * (x3 - A**2 * x1)
    return zero, even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, infinity


def _output_at_points(y0, y1, y2, y3):
    even_a, odd_a, even_b, odd_b = y0 + A**2 * y2, A * (y1 + A**2 * y3), y0 + B**2 * y2, B * (y1 + B**2 * y3)
    return y0, even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, y3


def _output_of_points(zero, plus_a, minus_a, plus_b, minus_b, infinity):
    even_a, odd_a, even_b, odd_b = plus_a + minus_a, A * (plus_a - minus_a), plus_b + minus_b, B * (plus_b - minus_b)
    return zero + even_a + even_b, odd_a + odd_b, A**2 * even_a + B**2 * even_b, A**2 * odd_a + B**2 * odd_b + infinity


def _registers() -> tuple[int, int]:
    """Numbers in a register of this CPU, and of how many registers at once rows of products are computed."""
    try:
        has = llvmlite.binding.get_host_cpu_features()
    except RuntimeError:  # LLVM does not know them
        has = {}
    width = 16 if has.get('avx512f') else 8 if has.get('avx') else 4
    return width, 2 if width == 8 else 4  # of AVX there are 16 registers


REGISTER, _MOST = _registers()
"""Numbers in a register of this CPU."""

_NUMBER, _VECTOR, _WHOLE = ir.FloatType(), ir.VectorType(ir.FloatType(), REGISTER), cgutils.intp_t


class _Vector:
    """As many numbers as there are in a register, in code that is being written."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder, self.value = builder, value

    def __add__(self, other: _Vector) -> _Vector:
        return _Vector(self.builder, self.builder.fadd(self.value, other.value, flags=('contract',)))

    def __sub__(self, other: _Vector) -> _Vector:
        return _Vector(self.builder, self.builder.fsub(self.value, other.value, flags=('contract',)))

    def __mul__(self, other: _Vector) -> _Vector:
        return _Vector(self.builder, self.builder.fmul(self.value, other.value, flags=('contract',)))

    def __rmul__(self, number: float) -> _Vector:
        return self * _Vector(self.builder, ir.Constant(_VECTOR, [number] * REGISTER))


class _Array:
    """An array of float32, in code that is being written."""

    def __init__(self, context, builder: ir.IRBuilder, kind: types.Array, value: ir.Value) -> None:
        array = context.make_array(kind)(context, builder, value)
        self.builder, self.data = builder, array.data
        self.shape, self.strides = (cgutils.unpack_tuple(builder, each) for each in (array.shape, array.strides))

    def pointer(self, *index: ir.Value | int, kind: ir.Type = _VECTOR) -> ir.Value:
        offset = _WHOLE(0)
        for at, stride in zip(index, self.strides):
            offset = self.builder.add(offset, self.builder.mul(_WHOLE(at) if isinstance(at, int) else at, stride))
        return cgutils.pointer_add(self.builder, self.data, offset, kind.as_pointer())

    def load(self, *index: ir.Value | int) -> _Vector:
        vector = self.builder.load(self.pointer(*index))
        vector.align = 4
        return _Vector(self.builder, vector)

    def load_everywhere(self, *index: ir.Value | int) -> _Vector:
        one = self.builder.load(self.pointer(*index, kind=_NUMBER))
        one = self.builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), one, ir.IntType(32)(0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), REGISTER), [0] * REGISTER)
        return _Vector(self.builder, self.builder.shuffle_vector(one, one, everywhere))

    def store(self, vector: _Vector, *index: ir.Value | int) -> None:
        self.builder.store(vector.value, self.pointer(*index)).align = 4


def _transform(formula: Callable, size: int, is_added: bool = False) -> Callable[..., None]:
    """What transforms a tile (``size``, ``size``, channels) by ``formula``, first its columns and then its rows.

    It takes the tile, where the result is written, and, if ``is_added``, what is added to that, (channels,).
    """

    def generate(context, builder, signature, args):
        tile, result, *added = (_Array(context, builder, *pair) for pair in zip(signature.args, args))
        with cgutils.for_range_slice(builder, _WHOLE(0), tile.shape[2], _WHOLE(REGISTER)) as (channel, _):
            columns = [formula(*(tile.load(y, x, channel) for y in range(size))) for x in range(size)]
            for y, row in enumerate(zip(*columns)):
                for x, found in enumerate(formula(*row)):
                    result.store(found + added[0].load(channel) if added else found, y, x, channel)
        return context.get_dummy_value()

    if is_added:

        @intrinsic
        def transform(typing_context, tile, result, added):
            return types.void(tile, result, added), generate
    else:

        @intrinsic
        def transform(typing_context, tile, result):
            return types.void(tile, result), generate

    return transform


def _product(vectors: int) -> Callable[..., None]:
    """What computes products of matrices, a few rows and ``vectors`` registers of columns at once.

    It takes two matrices, where the result is written, the first row and column of that, which products are added up
    (from the first to before the last), and whether they are added to what is there.
    """

    def generate(context, builder, signature, args):
        left, right, result = (_Array(context, builder, *pair) for pair in zip(signature.args[:3], args))
        row, column, start, end, is_added = args[3:]
        rows = [builder.add(row, _WHOLE(i)) for i in range(ROWS)]
        columns = [builder.add(column, _WHOLE(i * REGISTER)) for i in range(vectors)]
        sums = {at: cgutils.alloca_once(builder, _VECTOR) for at in itertools.product(rows, columns)}
        for total in sums.values():
            builder.store(ir.Constant(_VECTOR, [0.0] * REGISTER), total)
        with cgutils.for_range_slice(builder, start, end, _WHOLE(1)) as (i, _):
            factors = {column: right.load(i, column) for column in columns}
            for row in rows:
                factor = left.load_everywhere(row, i)
                for column in columns:
                    total = _Vector(builder, builder.load(sums[row, column])) + factor * factors[column]
                    builder.store(total.value, sums[row, column])
        with builder.if_then(is_added):
            for at, memory in sums.items():
                total = _Vector(builder, builder.load(memory)) + result.load(*at)
                builder.store(total.value, memory)
        for at, memory in sums.items():
            result.store(_Vector(builder, builder.load(memory)), *at)
        return context.get_dummy_value()

    @intrinsic
    def product(typing_context, left, right, result, row, column, start, end, is_added):
        whole = types.intp
        return types.void(left, right, result, whole, whole, whole, whole, types.boolean), generate

    return product


_kernel_tile_at_points, _kernel_tile_of_points = _transform(_kernel_at_points, 3), _transform(_kernel_of_points, 6)
_input_tile_at_points, _output_tile_at_points = _transform(_input_at_points, 6), _transform(_output_at_points, 4)
_output_tile_of_points = _transform(_output_of_points, 6, is_added=True)
_product_of_most, _product_of_one = _product(_MOST), _product(1)


@compiled
def _multiply(left, right, result, rows, depth, is_added):
    """The first ``rows`` of ``left`` times ``right``, of which columns are filled up, with sums over ``depth``."""
    columns, width = right.shape[1], _MOST * REGISTER
    most, at_once = columns // width * width, min(_DEPTH, -(-depth // 2))
    for start in range(0, depth, at_once):
        end = min(start + at_once, depth)
        for column in range(0, most, width):
            for row in range(0, rows, ROWS):
                _product_of_most(left, right, result, row, column, start, end, is_added or start > 0)
        for column in range(most, columns, REGISTER):
            for row in range(0, rows, ROWS):
                _product_of_one(left, right, result, row, column, start, end, is_added or start > 0)


@compiled
def _part(image, top, left, part):
    """The part (size, size, channels filled up) of ``image`` (H, W, channels) from ``top`` and ``left`` on.

    It is in the image, or, if zeros are to be filled up, copied to ``part``.
    """
    height, width, channels = image.shape
    size = len(part)
    if 0 <= top <= height - size and 0 <= left <= width - size and channels == part.shape[2]:
        return image[top : top + size, left : left + size]
    for y in range(size):
        for x in range(size):
            inside = 0 <= top + y < height and 0 <= left + x < width
            for i in range(channels):
                part[y, x, i] = image[top + y, left + x, i] if inside else np.float32(0)
    return part[:, :size]


@compiled
def _place(index, strips, tiles):
    """Image, and top and left of its outputs, of a tile, of which all images have so many strips."""
    strip, tile = divmod(index, tiles)
    image, strip = divmod(strip, strips)
    return image, 4 * strip, 4 * tile


@compiled
def _inputs_at_points(images, above, before, points, first, strips, tiles):
    """Those of tiles from ``first`` on, which see 6x6 pixels of images (N, H, W, channels)."""
    part = np.zeros((6, 6, points.shape[3]), np.float32)
    for i in range(points.shape[2]):
        image, top, left = _place(first + i, strips, tiles)
        _input_tile_at_points(_part(images[image], top - above, left - before, part), points[:, :, i])


@compiled
def _outputs_at_points(images, points, first, strips, tiles):
    """Those of tiles from ``first`` on, which are 4x4 pixels of images (N, H, W, channels)."""
    part = np.zeros((4, 4, points.shape[3]), np.float32)
    for i in range(points.shape[2]):
        image, top, left = _place(first + i, strips, tiles)
        _output_tile_at_points(_part(images[image], top, left, part), points[:, :, i])


@compiled
def _outputs_of_points(points, bias, images, first, strips, tiles):
    """Fill in tiles from ``first`` on, which are 4x4 pixels of images (N, H, W, channels)."""
    height, width, channels = images.shape[1:]
    part = np.zeros((4, 4, len(bias)), np.float32)
    for i in range(points.shape[2]):
        number, top, left = _place(first + i, strips, tiles)
        image = images[number]
        whole = top + 4 <= height and left + 4 <= width and channels == len(bias)
        target = image[top : top + 4, left : left + 4] if whole else part[:, :4]
        _output_tile_of_points(points[:, :, i], target, bias)
        if not whole:
            for y in range(min(4, height - top)):
                for x in range(min(4, width - left)):
                    for c in range(channels):
                        image[top + y, left + x, c] = part[y, x, c]


@compiled
def _filled_up(channels):
    return -(-channels // ALIGNED) * ALIGNED


@parallel
def convolve(x, kernels, strides, is_turned, bias, y, above, before, workers, at_once):
    """Convolve images.

    Args:
        x: Images, (N, H, W, inputs).
        kernels: All numbers of the kernels, in any order.
        strides: Where the next input, row, column and output is in ``kernels``.
        is_turned: Whether the kernels are turned around.
        bias: What is added, (outputs,), or nothing, (0,).
        y: Results, (N, H, W, outputs); filled in.
        above: Rows of zeros above an image, or minus the rows to leave out; below are as many zeros as are seen.
        before: Likewise, columns.
        workers: Shares that the tiles are divided into.
        at_once: Tiles that a worker computes at once, a multiple of ``ROWS``.
    """
    inputs, outputs = x.shape[3], y.shape[3]
    by_input, by_row, by_column, by_output = strides
    kernels_at_points = np.empty((6, 6, inputs, _filled_up(outputs)), np.float32)
    for each in prange(inputs):
        kernel = np.zeros((3, 3, _filled_up(outputs)), np.float32)
        for i, j in np.ndindex(3, 3):
            row, column = (2 - i, 2 - j) if is_turned else (i, j)
            start = np.intp(each) * by_input + row * by_row + column * by_column
            for output in range(outputs):
                kernel[i, j, output] = kernels[start + output * by_output]
        _kernel_tile_at_points(kernel, kernels_at_points[:, :, each])
    added = np.zeros(_filled_up(outputs), np.float32)
    added[: len(bias)] = bias

    strips, tiles = -(-y.shape[1] // 4), -(-y.shape[2] // 4)
    total = len(x) * strips * tiles
    groups = -(-total // ROWS)
    all_points = np.empty((workers, 6, 6, at_once, _filled_up(inputs)), np.float32)
    all_products = np.empty((workers, 6, 6, at_once, _filled_up(outputs)), np.float32)
    for each in prange(workers):
        worker = np.intp(each)  # not unsigned
        points, products = all_points[worker], all_products[worker]
        end = min((worker + 1) * groups // workers * ROWS, total)
        for first in range(worker * groups // workers * ROWS, end, at_once):
            some = min(at_once, end - first)
            _inputs_at_points(x, above, before, points[:, :, :some], first, strips, tiles)
            points[:, :, some : -(-some // ROWS) * ROWS] = 0  # what is left there could be slow to compute with
            for i, j in np.ndindex(6, 6):
                _multiply(points[i, j], kernels_at_points[i, j], products[i, j], some, inputs, False)
            _outputs_of_points(products[:, :, :some], added, y, first, strips, tiles)


@parallel
def weight_gradient(grad, x, result, above, before, workers, at_once):
    """Find the gradient by kernels.

    Args:
        grad: The gradient by the results, (N, H, W, outputs).
        x: Images, (N, H, W, inputs).
        result: (outputs, 3, 3, inputs filled up); filled in.
        above: As for :func:`convolve`, and so is ``before``.
        workers: Shares that tiles are divided into.
        at_once: Tiles that all of them compute at once.
    """
    strips, tiles = -(-grad.shape[1] // 4), -(-grad.shape[2] // 4)
    total = len(x) * strips * tiles
    grad_points = np.empty((6, 6, at_once, _filled_up(grad.shape[3])), np.float32)
    x_points = np.empty((6, 6, at_once, result.shape[3]), np.float32)
    found = np.empty((6, 6, _filled_up(len(result)), result.shape[3]), np.float32)
    for first in range(0, total, at_once):
        some = min(at_once, total - first)
        for each in prange(workers):
            start, end = np.intp(each) * some // workers, (np.intp(each) + 1) * some // workers
            _outputs_at_points(grad, grad_points[:, :, start:end], first + start, strips, tiles)
            _inputs_at_points(x, above, before, x_points[:, :, start:end], first + start, strips, tiles)
        for point in prange(36):
            i, j = divmod(np.intp(point), 6)
            _multiply(grad_points[i, j].T, x_points[i, j], found[i, j], found.shape[2], some, first > 0)
    for each in prange(len(result)):
        _kernel_tile_of_points(found[:, :, each], result[each])
