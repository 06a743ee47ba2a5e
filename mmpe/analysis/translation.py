"""Whether a shift of the input shifts the picture: EQ-T of StyleGAN3."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.evaluation.layout import decibels
from mmpe.grid import Size
from mmpe.numbers import check_above, check_numbers, check_real, check_whole, given
from mmpe.progress import tracked

from .figures import COLORS, draw_decibels, draw_map, new_figure, plain_axes, short
from .maps import map_tensors, spatial_inputs
from .subject import SampleInput, Subject

_LOBES = 3  # of Lanczos's filter
_ROUNDING = 32
_GROWTH = 8

Shift = Callable[[Any, tuple[float, float]], Any]


@dataclass
class Equivariance:
    """What :func:`equivariance` found.

    Attributes:
        eq_t: EQ-T over all whole shifts, in dB. Infinite if the shifted pictures are equal.
        by_shift: EQ-T per shift (down, right), in dB. Shifts are in cells of the input.
        relative_error: The root mean square error of the whole shifts, in standard deviations of the output.
        fractional: EQ-T over all fractional shifts, in dB. nan if there are no fractional shifts.
        scale: Pixels of the output per cell of the input.
        error_map: (H, W), the root mean square error over whole shifts by location. nan where nothing was compared.
    """

    eq_t: float
    by_shift: dict[tuple[float, float], float]
    relative_error: float
    fractional: float
    scale: float
    error_map: np.ndarray

    def table(self) -> list[list[str]]:
        """A header, and a row for each shift."""
        rows = [['shift (down, right), cells of the input', 'EQ-T (dB)']]
        rows += [[f'({y:g}, {x:g})', short(value, 1)] for (y, x), value in self.by_shift.items()]
        rows += [['all whole shifts', short(self.eq_t, 1)]]
        return rows if math.isnan(self.fractional) else [*rows, ['all fractional shifts', short(self.fractional, 1)]]

    def figure(self):
        """EQ-T per shift, and a map of the error."""
        figure = new_figure(9, 3.8)
        bars, plane = figure.subplots(1, 2, width_ratios=(1.3, 1))
        whole = [all(float(s).is_integer() for s in shift) for shift in self.by_shift]
        colors = [COLORS[0] if w else COLORS[4] for w in whole]
        draw_decibels(bars, list(self.by_shift.values()), colors, [f'({y:g}, {x:g})' for y, x in self.by_shift])
        plain_axes(bars, 'Translation equivariance', 'shift (down, right) in cells of the input', 'EQ-T (dB)')
        image = draw_map(plane, self.error_map, 'Error by location, whole shifts')
        figure.colorbar(image, ax=plane, shrink=0.85).set_label('root mean square error', fontsize=8)
        return figure


def equivariance(
    module: nn.Module,
    sample_input: SampleInput,
    num: int = 16,
    batch: int = 8,
    seed: int = 0,
    shifts: Sequence[tuple[float, float]] = ((0, 1), (1, 0), (2, 2), (-1, 2)),
    fractional: Sequence[tuple[float, float]] = ((0.5, 0.5),),
    shift: Shift | None = None,
    scale: float | None = None,
    value_range: float = 2.0,
) -> Equivariance:
    """EQ-T: how closely the picture of a shifted input equals the shifted picture of the input, as a PSNR in dB.

    EQ-T is 10 log10(range^2 / mean squared difference) over the pixels that were already in the picture before the
    shift (Karras et al., "Alias-Free Generative Adversarial Networks", NeurIPS 2021, section 2 and appendix E.3).

    Maps are shifted cyclically: what leaves on one side comes in on the other, where i.i.d. noise is as good as new
    noise. Fractional shifts are interpolated in input and output by a Lanczos filter of three lobes. They ask for a
    network that works on band-limited signals, so they are reported apart. Whole shifts of a network without padding,
    or of a periodic one, make a difference of rounding errors only, which count as 0.

    Args:
        module: Any module. It has a map as input, unless ``shift`` is given.
        sample_input: See :mod:`mmpe.analysis`.
        num: Number of draws.
        batch: Draws at a time.
        seed: Seed of all random numbers.
        shifts: (down, right) in whole cells of the input.
        fractional: (down, right) in fractions of cells. Such a shift is left out if the filter, which is six cells
            wide, leaves nothing of the output to compare.
        shift: ``shift(arguments, (down, right))`` returns the arguments of the shifted picture, for example with other
            coordinates. None: all maps among the arguments are shifted, and must have the same size.
        scale: Pixels of the output per cell of the input. None: found by enlarging the input, or else from the sizes.
        value_range: The difference between the brightest and the darkest value, 2 for pictures in [-1, 1].

    Raises:
        InputError: If there is no map to shift, or the output is not a map, or shifts do not fit input and output.

    >>> noise = lambda num, rng: torch.randn(num, 1, 16, 16, generator=rng)
    >>> equivariance(nn.Conv2d(1, 3, 3, padding=1, padding_mode='circular'), noise).eq_t
    inf
    >>> equivariance(nn.Conv2d(1, 3, 3, padding=1), noise).eq_t < 40
    True
    """
    check_whole(1, num=num)
    subject = Subject(module, sample_input, seed, batch)
    check_above(0, value_range=value_range, **given(scale=scale))
    for name, pairs in dict(shifts=shifts, fractional=fractional).items():
        check_numbers(partial(check_numbers, check_real, 2), **{name: pairs})
    if not shifts:
        raise InputError('shifts is empty: give at least one, such as (0, 1)')
    example = subject.draw(1)
    if shift is None:
        shift = _shift_maps
        _check_maps(example)
    scale = scale or _find_scale(subject, example)
    _check_whole(shifts, scale)
    whole, parts = ([tuple(pair) for pair in pairs] for pairs in (shifts, fractional))
    errors = {pair: _Error(subject.run_map(example), pair, scale) for pair in (*whole, *parts)}
    for pair in whole:
        if not errors[pair].region.any():
            raise InputError(f'a shift by {pair} cells leaves nothing of the output to compare: give smaller shifts')
    errors = {pair: error for pair, error in errors.items() if error.region.any()}
    parts = [pair for pair in parts if pair in errors]
    pictures = []
    for inputs, first in tracked(subject.draws(num), 'equivariance', -(-num // batch)):
        picture = subject.run_map(inputs, first).cpu()
        pictures.append(picture)
        for pair, error in errors.items():
            error.add(picture, subject.run_map(shift(inputs, pair), first).cpu())
    pictures = torch.cat(pictures).double()
    rounding = (_ROUNDING * torch.finfo(torch.float32).eps * float(pictures.abs().max())) ** 2

    def mean_square(pairs: Sequence[tuple[float, float]]) -> float:
        total, count = (sum(float(getattr(errors[pair], name).sum()) for pair in pairs) for name in ('sums', 'counts'))
        return 0.0 if total <= rounding * count else total / count

    sums, counts = (sum(getattr(errors[pair], name) for pair in whole) for name in ('sums', 'counts'))
    error, std = math.sqrt(mean_square(whole)), float(pictures.std(unbiased=False))
    return Equivariance(
        eq_t=decibels(mean_square(whole), value_range),
        by_shift={pair: decibels(mean_square([pair]), value_range) for pair in errors},
        relative_error=(error / std if std else math.inf) if error else 0.0,
        fractional=decibels(mean_square(parts), value_range) if parts else math.nan,
        scale=scale,
        error_map=torch.where(counts > 0, sums / counts, torch.nan).sqrt().numpy(),
    )


class _Error:
    """Squared differences by location between shifted pictures and pictures of shifted inputs."""

    def __init__(self, like: Tensor, shift: tuple[float, float], scale: float):
        self.shift = tuple(scale * s for s in shift)
        self.region = _region(like.shape[-2:], shift, scale)
        self.sums, self.counts = torch.zeros_like(self.region), torch.zeros_like(self.region)

    def add(self, picture: Tensor, shifted: Tensor) -> None:
        difference = (shifted - translate(picture, self.shift)).double()
        self.sums += difference.square().mean(1).sum(0) * self.region
        self.counts += len(picture) * self.region


def translate(x: Tensor, shift: tuple[float, float]) -> Tensor:
    """Shift (..., H, W) down and right, cyclically. Fractions of a pixel are interpolated by a Lanczos filter."""
    for axis, distance in zip((-2, -1), shift):
        whole = math.floor(distance)
        x = x.roll(whole, axis)
        part = distance - whole
        if part > 1e-6:
            offsets = torch.arange(1 - _LOBES, _LOBES + 1)
            taps = torch.sinc(offsets - part) * torch.sinc((offsets - part) / _LOBES)
            taps = taps / taps.sum()
            x = sum(float(tap) * x.roll(int(offset), axis) for tap, offset in zip(taps, offsets))
    return x


def _shift_maps(inputs: tuple, shift: tuple[float, float]) -> tuple:
    return map_tensors(lambda x: translate(x, shift) if spatial_inputs(x) else x, inputs)


def _check_maps(inputs: tuple) -> None:
    sizes = {tuple(x.shape[-2:]) for x in spatial_inputs(inputs)}
    if len(sizes) != 1:
        found = 'maps of several sizes' if sizes else 'no map'
        raise InputError(f'there is {found} among the inputs: give shift=, which says how inputs are shifted')


def _find_scale(subject: Subject, inputs: tuple) -> float:
    """Rows of the output per row of the input, without margins."""
    maps = spatial_inputs(inputs)
    if not maps:
        raise InputError('there is no map among the inputs, which would tell the scale: give scale=')
    rows = subject.run_map(inputs).shape[-2]
    try:
        larger = map_tensors(lambda x: F.pad(x, (0, _GROWTH) * 2, 'replicate') if spatial_inputs(x) else x, inputs)
        grown = (subject.run_map(larger).shape[-2] - rows) / _GROWTH
    except (RuntimeError, ValueError, AssertionError):  # a module of one size only
        grown = 0
    return grown if grown > 0 else rows / maps[0].shape[-2]


def _check_whole(shifts: Sequence[tuple[float, float]], scale: float) -> None:
    for pair in shifts:
        if any(abs(s - round(s)) > 1e-6 or abs(scale * s - round(scale * s)) > 1e-6 for s in pair):
            raise InputError(
                f'a shift by {tuple(pair)} cells of the input is not a shift by whole pixels of the output, which has '
                f'{short(scale)} pixels per cell: give other shifts'
            )


def _region(size: Size, shift: tuple[float, float], scale: float) -> Tensor:
    """(H, W): 1 where a shifted picture shows what was in the picture before, else 0."""
    parts = []
    for length, distance in zip(size, shift):
        margin = 0 if float(distance).is_integer() else math.ceil(_LOBES * max(1, scale))
        first = max(0, math.ceil(scale * distance)) + margin
        last = length + min(0, math.floor(scale * distance)) - margin
        part = torch.zeros(length, dtype=torch.float64)
        part[first : max(first, last)] = 1
        parts.append(part)
    return torch.outer(*parts)
