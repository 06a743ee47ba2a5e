"""Pixel values of any numeric type as 8 bits."""

from __future__ import annotations

import numpy as np
import scipy

from mmpe.errors import InputError

# What stands for "no value" where a file does not declare it: GDAL's, ESRI's and netCDF's customs.
_NO_DATA = np.array(
    [-999, -9999, -99999, -999999, -32767, -32768, -(2**31), 9999, 99999, 2**31 - 1, 2**32 - 1], dtype=np.float64
)
_NO_MAGNITUDE = 1e20  # nor is anything this large a value: -3.4e38, 1e30, 9.97e36, ...
_SEPARATE = 64  # an outlier leaves the other values fewer than 256 / 64 = 4 of the 256 levels
_CODE = 100  # a "no data" value of one's own choice has three digits or more; -1 is a black background
_DARK, _NEARLY_ALL = 16, 0.95  # of 256 levels, and of the values; what remains are highlights
_ENOUGH = 8  # distinct values that make a content; a mask or a map of labels has fewer, and no outliers


def to_8_bits(
    values: np.ndarray, full: int | None = None, no_data: float | None = None, inverted: bool = False
) -> tuple[np.ndarray, list[str]]:
    """Scale values of any type to 0..255.

    Without a declared range, they are scaled from the smallest to the largest finite value. Outliers do not count: a
    value that stands for "no data", and values so far from all others that the others would become flat.

    Args:
        values: (H, W) or (H, W, C), integer or floating point.
        full: The value that becomes 255, if whole numbers have the declared range 0..``full``.
        no_data: The value that the file declares to stand for "no data".
        inverted: Whether the smallest value is white.

    Returns:
        uint8 of the same shape, and sentences that tell the user what has been done. Holes (NaN, infinities, no data)
        have the value of the nearest pixel that has one.

    Raises:
        InputError: If no pixel has a value.

    >>> to_8_bits(np.array([[-1.0, 0.0, 1.0]]))[0].tolist()
    [[0, 128, 255]]
    """
    holes = _declared_holes(values, no_data)
    if holes.all():
        raise InputError('no pixel has a value: all are NaN, infinite or "no data"')
    if full is None:
        low, high, largest = _content_range(np.unique(values[~holes]).astype(np.float64))
        holes |= (values < low) | (values > largest)
        clipped = int(((values > high) & ~holes).sum())
        remarks = [f'{clipped} values far above all others count as the largest of these, {high:g}'] if clipped else []
        levels = _scaled(np.where(holes, low, values), low, high)
        if values.dtype.kind == 'f':
            remarks += _crowded_levels(levels[~holes], values[~holes], high, inverted)
    else:
        remarks = _unused_bits(values[~holes], full)
        levels = _scaled(np.arange(full + 1), 0, full)[values]
    if holes.any():
        holes = holes if holes.ndim == 2 else holes.any(-1)
        remarks.insert(
            0,
            f'{int(holes.sum())} of {holes.size} pixels have no value (NaN, infinite or "no data"): they are filled '
            'from the nearest ones',
        )
        levels = _filled(levels, holes)
    return 255 - levels if inverted else levels, remarks


def _declared_holes(values: np.ndarray, no_data: float | None) -> np.ndarray:
    real = values.dtype.kind == 'f'
    holes = ~np.isfinite(values) if real else np.zeros(values.shape, bool)
    if no_data is None or not np.isfinite(no_data):
        return holes
    # a declared number is text, which may have fewer digits
    return holes | (np.isclose(values, no_data, rtol=1e-6, atol=0) if real else values == no_data)


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values from ``low`` to ``high`` as 0 to 255. Gray, if there is only one value."""
    if not high > low:
        return np.full(values.shape, 127, np.uint8)
    scaled = (values.astype(np.float64) - low) / (high - low) * 255
    return scaled.clip(0, 255).round().astype(np.uint8)


def _content_range(distinct: np.ndarray) -> tuple[float, float, float]:
    """The smallest and largest value of the content, and the largest one that is not "no data", of sorted values."""
    first, last = 0, len(distinct) - 1
    while last > first:
        if _is_no_data(distinct[first], distinct[first + 1 : last + 1]):
            first += 1
        elif _is_no_data(distinct[last], distinct[first:last]):
            last -= 1
        else:
            break
    content = _without_far_tails(distinct[first : last + 1])
    return content[0], content[-1], distinct[last]


def _is_no_data(value: float, others: np.ndarray) -> bool:
    """Whether an extreme value stands for "no data", judged by all other values (sorted)."""
    span = others[-1] - others[0]
    gap = min(abs(value - others[0]), abs(value - others[-1]))
    if abs(value) >= _NO_MAGNITUDE or (value in _NO_DATA and len(others) > 1):
        return value < 0 <= others[0] or gap > span / 2
    beyond = max(_CODE, 2 * others[-1])  # well outside of what mirrors the content
    return value <= -beyond and others[0] >= 0 and gap > 2 * span and len(others) >= _ENOUGH


def _without_far_tails(content: np.ndarray) -> np.ndarray:
    """Sorted distinct values, without those at both ends that are far from most."""
    gaps, place = np.diff(content), np.arange(1, len(content))
    enough = max(_ENOUGH, len(content) // 2 + 1)
    far_above = place[(gaps > _SEPARATE * (content[:-1] - content[0])) & (place >= enough)]
    content = content[: far_above[0]] if len(far_above) else content
    gaps, place = np.diff(content), np.arange(1, len(content))
    far_below = place[(gaps > _SEPARATE * (content[-1] - content[1:])) & (len(content) - place >= enough)]
    return content[far_below[-1] :] if len(far_below) else content


def _crowded_levels(levels: np.ndarray, values: np.ndarray, high: float, inverted: bool) -> list[str]:
    """A line about a picture in which a few highlights take nearly the whole range."""
    dark = levels < _DARK
    share = dark.mean()
    if not _NEARLY_ALL <= share < 1 or len(np.unique(values[dark])) < _ENOUGH:
        return []
    return [
        f'it comes out {"bright" if inverted else "dark"}: {100 * share:.4g}% of its values are up to '
        f'{values[dark].max():g}, in the first {_DARK} of 256 levels, as a few highlights reach {high:g}; '
        'to see more, map its tones to 8 bits yourself'
    ]


def _filled(values: np.ndarray, holes: np.ndarray) -> np.ndarray:
    nearest = scipy.ndimage.distance_transform_edt(holes, return_distances=False, return_indices=True)
    return values[tuple(nearest)]


def _unused_bits(values: np.ndarray, full: int) -> list[str]:
    """A line about a picture with fewer bits than its file declares: it looks dark, or has few levels."""
    bits, largest = full.bit_length(), int(values.max())
    if bits <= 8:
        return []
    if 0 < largest <= full / 4:
        used = largest.bit_length()
        return [f'it uses {used} of its {bits} bits: the largest value is {largest} of {full}, so it is dark']
    step = int(np.gcd.reduce(values.ravel()))
    step &= -step  # the power of two in it
    if step >= 16 and np.ptp(values):
        return [f'it uses {bits - step.bit_length() + 1} of its {bits} bits: all values are multiples of {step}']
    return []
