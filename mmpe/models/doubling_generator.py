"""Generators that make an image of any size by doubling a grid several times."""

from __future__ import annotations

import math
from itertools import product

from mmengine.model import BaseModule
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Grid, Size
from mmpe.numbers import as_size, is_whole, shown, size_text

from .padding import NetworkPadding

BASE = 4
BaseSize = int | Size | Grid | None
_MOST_SIDE = 2**30


class DoublingGenerator(BaseModule):
    """A generator whose image is ``2 ** num_upsamplings`` times its base size.

    A base size is an int, (height, width), or a :class:`~mmpe.grid.Grid`, which also says where its cells look.

    Attributes:
        base: Side of the base size where none is given.
        num_upsamplings: How often the base size is doubled.
        padding: How the generator pads. Its margin is what the head's grid is larger by, on each side.

    >>> from mmpe.registry import MODELS
    >>> generator = MODELS.build(dict(type='ConvGenerator', channels=64, padding='none'))
    >>> generator.image_size((4, 6)), generator.head_size((4, 6))
    ((64, 96), (6, 8))
    """

    base: int = BASE
    num_upsamplings: int
    padding: NetworkPadding

    @property
    def head_margin(self) -> int:
        """By how many cells the head's grid is larger than the base size, both sides together."""
        return 2 * self.padding.margin

    def image_size(self, base_size: BaseSize = None) -> Size:
        """(H, W) of the image for a base size; None is ``base``."""
        height, width = self._base(base_size)
        return height << self.num_upsamplings, width << self.num_upsamplings

    def base_size(self, size: int | Size) -> Size:
        """The base size (h, w) that gives an image of ``size``, the inverse of :meth:`image_size`.

        Raises:
            InputError: If there is none; the message names the nearest sizes that there are.
        """
        height, width = as_size(size)
        step = 1 << self.num_upsamplings
        if height % step == 0 and width % step == 0:
            return height // step, width // step
        sides = [sorted({max(length // step, 1), -(-length // step)}) for length in (height, width)]
        nearest = sorted(product(*sides), key=lambda pair: math.dist((pair[0] * step, pair[1] * step), (height, width)))
        named = ' or '.join(size_text((rows * step, columns * step)) for rows, columns in nearest[:2])
        raise InputError(
            f'an image of {size_text((height, width))} cannot be made: sides must be multiples of {step}; take {named}'
        )

    def head_size(self, base_size: BaseSize = None) -> Size:
        """(h, w) of the grid that the head is laid over."""
        height, width = self._base(base_size)
        return height + self.head_margin, width + self.head_margin

    def _base(self, base_size: BaseSize) -> Size:
        if isinstance(base_size, Grid):
            return base_size.size
        return (self.base, self.base) if base_size is None else as_size(base_size, 'base_size')

    def _where(self, base_size: BaseSize, coordinates: Tensor | Grid | None) -> tuple[Size, Tensor | Grid | None]:
        """The base size that a caller means, and where the head's cells look; None: where those of a plain grid do.

        A base size that is a grid gets the head's margin. Coordinates, (h, w, 2) or a grid, have it already.
        """
        if coordinates is None:
            warped = isinstance(base_size, Grid) and not base_size.is_plain
            return self._base(base_size), base_size.padded(self.padding.margin) if warped else None
        shape = (*coordinates.size, 2) if isinstance(coordinates, Grid) else tuple(coordinates.shape)
        if len(shape) != 3 or shape[2] != 2 or min(shape[:2]) <= self.head_margin:
            raise InputError(f'coordinates of shape {shape} do not fit: they must be (h, w, 2)')
        if isinstance(base_size, Grid) and not base_size.is_plain:
            raise InputError(f'base_size={base_size} and coordinates both say where cells look: give one of them')
        base = tuple(length - self.head_margin for length in shape[:2])
        if base_size is not None and self._base(base_size) != base:
            raise InputError(
                f'coordinates of shape {shape} do not fit base_size={base_size}: '
                f'they must be {(*self.head_size(base_size), 2)}'
            )
        return base, None if isinstance(coordinates, Grid) and coordinates.is_plain else coordinates


def num_halvings(name: str, size: int, least: int = 8) -> int:
    """How often ``size`` can be halved down to 4.

    Raises:
        InputError: If it is not a power of 2, or less than ``least``; ``name`` is what the message calls it.

    >>> num_halvings('out_size', 64)
    4
    """
    if not is_whole(size, least, _MOST_SIDE) or int(size) & (int(size) - 1):
        raise InputError(
            f'{name}={shown(size)} cannot work: it must be a power of 2, at least {least}, such as 64 or 256'
        )
    return int(size).bit_length() - 3
