"""How far from the border a location is."""

from __future__ import annotations

import numpy as np


def border_distance(height: int, width: int) -> np.ndarray:
    """(H, W): cells between a location and the nearest border, 0 for the outermost ring."""
    rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in (height, width))
    return np.minimum.outer(rows, columns)


def center_region(height: int, width: int, period: int = 1) -> np.ndarray:
    """(H, W): whether a location is in the central window, about a quarter of each side, ``period`` cells at least."""

    def within(length: int) -> np.ndarray:
        side = min(max(length // 4, period), length)
        side += (length - side) % 2
        first = (length - side) // 2
        return (np.arange(length) >= first) & (np.arange(length) < first + side)

    return np.logical_and.outer(within(height), within(width))


def same_phase(length: int, first: int, period: int) -> np.ndarray:
    """(L,): for each cell the one in the window of ``period`` cells from ``first`` on that is whole periods away."""
    return first + (np.arange(length) - first) % period


def reach_of(differs: np.ndarray) -> int:
    """Number of rings, from the border in, up to the innermost one where a location of (H, W) differs; 0 if none."""
    return int(border_distance(*differs.shape)[differs].max(initial=-1)) + 1


def ring_means(values: np.ndarray) -> np.ndarray:
    """Mean of (H, W) over each ring, the outermost first."""
    distance = border_distance(*values.shape)
    return np.array([values[distance == ring].mean() for ring in range(distance.max() + 1)])
