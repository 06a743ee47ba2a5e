"""Rings of a map: how far its locations are from the border."""

from __future__ import annotations

import numpy as np


def border_distance(height: int, width: int) -> np.ndarray:
    """(H, W): the number of cells between a location and the nearest border, 0 in the outermost ring."""
    rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in (height, width))
    return np.minimum.outer(rows, columns)


def center_region(height: int, width: int, period: int = 1) -> np.ndarray:
    """(H, W): whether a location is in the central window, which has about a quarter of each side.

    The window has at least ``period`` cells on a side.
    """

    def within(length: int) -> np.ndarray:
        side = min(max(length // 4, period), length)
        side += (length - side) % 2
        first = (length - side) // 2
        return (np.arange(length) >= first) & (np.arange(length) < first + side)

    return np.logical_and.outer(within(height), within(width))


def same_phase(length: int, first: int, period: int) -> np.ndarray:
    """(L,): the cell, per cell, that is whole periods away, in the window of ``period`` cells from ``first`` on."""
    return first + (np.arange(length) - first) % period


def reach_of(differs: np.ndarray) -> int:
    """The number of rings, from the border inwards, up to the innermost one in which a location of (H, W) differs."""
    return int(border_distance(*differs.shape)[differs].max(initial=-1)) + 1


def ring_means(values: np.ndarray) -> np.ndarray:
    """The mean of (H, W) per ring, the outermost first."""
    distance = border_distance(*values.shape)
    return np.array([values[distance == ring].mean() for ring in range(distance.max() + 1)])
