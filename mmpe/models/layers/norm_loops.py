"""The loops of :mod:`~mmpe.models.layers.fused_norm`, compiled by Numba.

Maps are (pixels, channels), and n is a map x normalized: (x - mean) * inv_std. The result is n * weight + bias, and
what is negative is multiplied by ``slope``. Maps are read in parts that fit into a core's cache. The sums of parts are
added up in double precision, and in the same order whatever the number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .numba_loops import compiled, parallel

_PART = 128  # pixels of a part


@compiled
def _result(x, mean, scale, bias):
    """Of one number, before what is negative is multiplied: the same to the bit wherever it is asked for."""
    return (x - mean) * scale + bias


@compiled
def _scales(weight, inv_std):
    scales = np.empty_like(inv_std)
    for c in range(len(scales)):
        scales[c] = weight[c] * inv_std[c]
    return scales


@compiled
def _part_statistics(x, mean, squares):
    mean[:] = 0
    squares[:] = 0
    for p in range(len(x)):
        for c in range(len(mean)):
            mean[c] += x[p, c]
    for c in range(len(mean)):
        mean[c] /= len(x)
    for p in range(len(x)):
        for c in range(len(mean)):
            squares[c] += (x[p, c] - mean[c]) ** 2


@compiled
def _join(means, squares, pixels, mean, variance):
    """Statistics of all parts from those of each (Chan, Golub and LeVeque, The American Statistician, 1983)."""
    total, square = np.zeros(len(mean)), np.zeros(len(mean))
    for part in range(len(means)):
        count = min(_PART, pixels - part * _PART)
        for c in range(len(mean)):
            total[c] += count * means[part, c]
    for part in range(len(means)):
        count = min(_PART, pixels - part * _PART)
        for c in range(len(mean)):
            square[c] += squares[part, c] + count * (means[part, c] - total[c] / pixels) ** 2
    for c in range(len(mean)):
        mean[c], variance[c] = total[c] / pixels, square[c] / pixels


@compiled
def _move(running, now, momentum, factor):
    for c in range(len(running)):
        running[c] += momentum * (factor * now[c] - running[c])


@compiled
def _normalize_part(x, mean, scale, bias, slope, y):
    for p in range(len(x)):
        for c in range(len(mean)):
            result = _result(x[p, c], mean[c], scale[c], bias[c])
            y[p, c] = result if result > 0 else slope * result


@parallel
def normalize(x, weight, bias, slope, mean, inv_std, running_mean, running_var, by_own, eps, momentum, y):
    """Normalize a map.

    Args:
        x: (pixels, channels).
        weight: (channels,).
        bias: (channels,).
        slope: A number of the same type, and so are ``eps`` and ``momentum``.
        mean: What is normalized by, (channels,), and so is ``inv_std``; filled in.
        running_mean: The mean to normalize by, (channels,), or, if ``by_own``, that moves towards the mean of ``x``.
        running_var: Likewise, the variance. It moves towards that of ``x`` with Bessel's correction.
        by_own: Whether to normalize by the statistics of ``x``.
        eps: What is added to the variance.
        momentum: By which share of the way they move; at 0 they do not.
        y: As ``x``; filled in.
    """
    parts = -(-len(x) // _PART)
    if by_own:
        means, squares = np.empty((parts, len(mean)), x.dtype), np.empty((parts, len(mean)), x.dtype)
        for each in prange(parts):
            first = np.intp(each) * _PART
            _part_statistics(x[first : first + _PART], means[each], squares[each])
        _join(means, squares, len(x), mean, inv_std)
        if momentum > 0:
            _move(running_mean, mean, momentum, 1.0)
            _move(running_var, inv_std, momentum, len(x) / (len(x) - 1))
    else:
        for c in range(len(mean)):
            mean[c], inv_std[c] = running_mean[c], running_var[c]
    for c in range(len(mean)):
        inv_std[c] = 1 / np.sqrt(inv_std[c] + eps)
    scale = _scales(weight, inv_std)
    for each in prange(parts):
        part = slice(np.intp(each) * _PART, (np.intp(each) + 1) * _PART)
        _normalize_part(x[part], mean, scale, bias, slope, y[part])


@compiled
def _add_up(parts, sums, inv_std):
    """Add up the sums of parts, (2 or more, parts, channels); the second are products with x - mean, not yet with n."""
    for i in range(len(sums)):
        total = np.zeros(len(inv_std))
        for part in range(parts.shape[1]):
            for c in range(len(inv_std)):
                total[c] += parts[i, part, c]
        for c in range(len(inv_std)):
            sums[i, c] = total[c] * inv_std[c] if i == 1 else total[c]


@compiled
def _gradient_sums_of_part(grad, x, mean, scale, bias, slope, total, total_x):
    total[:] = 0
    total_x[:] = 0
    for p in range(len(x)):
        for c in range(len(mean)):
            value = grad[p, c] if _result(x[p, c], mean[c], scale[c], bias[c]) > 0 else slope * grad[p, c]
            total[c] += value
            total_x[c] += value * (x[p, c] - mean[c])


@compiled
def _gradient_of_part(grad, x, mean, scale, bias, slope, by_x, constant, result):
    for p in range(len(x)):
        for c in range(len(mean)):
            value = grad[p, c] if _result(x[p, c], mean[c], scale[c], bias[c]) > 0 else slope * grad[p, c]
            result[p, c] = scale[c] * value + by_x[c] * (x[p, c] - mean[c]) + constant[c]


@compiled
def _project(sums, scale, inv_std, pixels):
    """What the derivative by a map's own statistics takes away: a factor of x - mean, and a constant."""
    by_x, constant = np.empty_like(scale), np.empty_like(scale)
    for c in range(len(scale)):
        by_x[c], constant[c] = -scale[c] * inv_std[c] * sums[1, c] / pixels, -scale[c] * sums[0, c] / pixels
    return by_x, constant


@parallel
def gradient(grad, x, weight, bias, slope, mean, inv_std, by_own, sums, result):
    """Find the gradient by a map.

    Args:
        grad: The gradient by the result, (pixels, channels).
        x: As for :func:`normalize`, and so are ``weight``, ``bias``, ``slope`` and ``by_own``.
        mean: What has been normalized by, (channels,), and so is ``inv_std``.
        sums: The sums over pixels of the gradient by n * weight + bias, and of n times that, (2, channels); filled in.
        result: As ``x``; filled in.
    """
    scale, parts = _scales(weight, inv_std), np.empty((2, -(-len(x) // _PART), len(mean)), x.dtype)
    for each in prange(parts.shape[1]):
        part = slice(np.intp(each) * _PART, (np.intp(each) + 1) * _PART)
        _gradient_sums_of_part(grad[part], x[part], mean, scale, bias, slope, parts[0, each], parts[1, each])
    _add_up(parts, sums, inv_std)
    by_x, constant = _project(sums, scale, inv_std, len(x) if by_own else np.inf)
    for each in prange(parts.shape[1]):
        part = slice(np.intp(each) * _PART, (np.intp(each) + 1) * _PART)
        _gradient_of_part(grad[part], x[part], mean, scale, bias, slope, by_x, constant, result[part])


@compiled
def _tangent_sums_of_part(dx, x, adjoint, mean, scale, bias, slope, total, total_x, total_adjoint):
    total[:] = 0
    total_x[:] = 0
    total_adjoint[:] = 0
    for p in range(len(x)):
        for c in range(len(mean)):
            value = adjoint[p, c] if _result(x[p, c], mean[c], scale[c], bias[c]) > 0 else slope * adjoint[p, c]
            total[c] += dx[p, c]
            total_x[c] += dx[p, c] * (x[p, c] - mean[c])
            total_adjoint[c] += dx[p, c] * value


@compiled
def _tangent_of_part(dx, x, mean, scale, bias, slope, by_x, constant, dy):
    for p in range(len(x)):
        for c in range(len(mean)):
            value = scale[c] * dx[p, c] + by_x[c] * (x[p, c] - mean[c]) + constant[c]
            dy[p, c] = value if _result(x[p, c], mean[c], scale[c], bias[c]) > 0 else slope * value


@parallel
def tangent(dx, x, adjoint, weight, bias, slope, mean, inv_std, sums, dy):
    """Carry a direction of ``x``, whose own statistics they are, to one of the result.

    Args:
        dx: (pixels, channels).
        x: As for :func:`gradient`, and so are ``weight``, ``bias``, ``slope``, ``mean`` and ``inv_std``.
        adjoint: Some gradient by the result, as ``x``.
        sums: The sums over pixels of dx, of n times dx, and of the gradient by n * weight + bias times dx,
            (3, channels); filled in.
        dy: As ``x``; filled in.
    """
    scale, parts = _scales(weight, inv_std), np.empty((3, -(-len(x) // _PART), len(mean)), x.dtype)
    for each in prange(parts.shape[1]):
        part = slice(np.intp(each) * _PART, (np.intp(each) + 1) * _PART)
        of_part = parts[0, each], parts[1, each], parts[2, each]
        _tangent_sums_of_part(dx[part], x[part], adjoint[part], mean, scale, bias, slope, *of_part)
    _add_up(parts, sums, inv_std)
    by_x, constant = _project(sums, scale, inv_std, len(x))
    for each in prange(parts.shape[1]):
        part = slice(np.intp(each) * _PART, (np.intp(each) + 1) * _PART)
        _tangent_of_part(dx[part], x[part], mean, scale, bias, slope, by_x, constant, dy[part])


@compiled
def _reverse_factors(adjoint_sums, tangent_sums, grad_sums, share, scale, inv_std, pixels, by_norm):
    """Those of the adjoint, the gradient, dx and x - mean, and a constant, (5, channels); fills in ``by_norm``."""
    factors = np.empty((5, len(scale)), scale.dtype)
    for c in range(len(scale)):
        g, n_g = adjoint_sums[0, c] / pixels, adjoint_sums[1, c] / pixels
        dx, n_dx, g_dx = tangent_sums[0, c] / pixels, tangent_sums[1, c] / pixels, tangent_sums[2, c] / pixels
        grad, n_grad = grad_sums[0, c] / pixels, grad_sums[1, c] / pixels
        by_g, by_dx = -inv_std[c] * n_dx, -inv_std[c] * n_g
        by_n = inv_std[c] * (g_dx - g * dx - n_g * n_dx)
        u, n_u = by_g * g + by_dx * dx + grad, by_g * n_g + by_dx * n_dx + n_grad
        factors[0, c], factors[1, c], factors[2, c] = scale[c] * by_g, scale[c] * share, scale[c] * by_dx
        factors[3, c], factors[4, c] = -scale[c] * inv_std[c] * (n_u + by_n), -scale[c] * u
        by_norm[0, c], by_norm[1, c] = grad_sums[0, c], pixels * by_n + grad_sums[1, c]
    return factors


@compiled
def _reverse_part(adjoint, dx, grad, x, mean, scale, bias, slope, factors, result):
    for p in range(len(x)):
        for c in range(len(mean)):
            value = factors[0, c] * adjoint[p, c] + factors[1, c] * grad[p, c]
            if _result(x[p, c], mean[c], scale[c], bias[c]) <= 0:
                value *= slope
            result[p, c] = value + factors[2, c] * dx[p, c] + factors[3, c] * (x[p, c] - mean[c]) + factors[4, c]


@parallel
def reverse(
    adjoint, dx, grad, share, x, weight, bias, slope, mean, inv_std, adjoint_sums, tangent_sums, by_norm, result
):
    """Find the gradients of <adjoint, dy>, where dy is the result of :func:`tangent`, and of what is after it.

    Args:
        adjoint: As for :func:`tangent`, and so are ``dx``, ``x``, ``weight``, ``bias``, ``slope``, ``mean`` and
            ``inv_std``.
        grad: The gradient by the result that comes from after it, as ``x``.
        share: 1, or 0 if there is none: then ``grad`` is not used.
        adjoint_sums: What :func:`gradient` has found of ``adjoint``.
        tangent_sums: What :func:`tangent` has found.
        by_norm: The gradients by bias and weight, (2, channels); filled in.
        result: The gradient by ``x``; filled in.
    """
    scale, parts = _scales(weight, inv_std), np.empty((2, -(-len(x) // _PART), len(mean)), x.dtype)
    grad_sums = np.zeros_like(adjoint_sums)
    if share > 0:
        for each in prange(parts.shape[1]):
            part = slice(np.intp(each) * _PART, (np.intp(each) + 1) * _PART)
            _gradient_sums_of_part(grad[part], x[part], mean, scale, bias, slope, parts[0, each], parts[1, each])
        _add_up(parts, grad_sums, inv_std)
    factors = _reverse_factors(adjoint_sums, tangent_sums, grad_sums, share, scale, inv_std, len(x), by_norm)
    for each in prange(parts.shape[1]):
        part = slice(np.intp(each) * _PART, (np.intp(each) + 1) * _PART)
        _reverse_part(adjoint[part], dx[part], grad[part], x[part], mean, scale, bias, slope, factors, result[part])
