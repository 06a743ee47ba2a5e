"""A mode of padding: a layer that extends a map past its borders, found by its registered name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral

from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.registry import registered

Sides = tuple[int, int, int, int]
"""(left, right, top, bottom), as ``F.pad`` has them."""
Padding = int | Sequence[int]
Mode = str | dict
"""A registered name, or ``dict(type='interp', mode='bicubic', align_corners=True)``."""


class Pad(nn.Module, ABC):
    """A layer that extends a map, (N, C, H, W) or (C, H, W), to (..., top + H + bottom, left + W + right).

    A subclass is a mode of padding, by its registered name. It can be built without options.

    Args:
        padding: One number for all sides, a convolution's pair (rows, columns), or (left, right, top, bottom); kept as
            ``self.padding`` = (left, right, top, bottom).
        **options: The options of the mode, all of them.

    Attributes:
        mode: The registered name.
        is_local: Whether the cells past the border follow from the lines next to it, so that a window of the map is
            enough to extend it there.
        extends: Whether the map becomes larger.

    Raises:
        InputError: If the padding is negative or of another form.

    >>> import torch
    >>> class OnesPad(Pad):
    ...     mode = 'ones'
    ...
    ...     def extend(self, x):
    ...         return nn.functional.pad(x, self.padding, value=1)
    >>> OnesPad((0, 2))(torch.zeros(1, 1, 3))
    tensor([[[1., 1., 0., 0., 0., 1., 1.]]])
    """

    mode: str
    is_local = False
    extends = True

    def __init__(self, padding: Padding, **options):
        super().__init__()
        self.padding = as_sides(padding)
        self.options = options

    @abstractmethod
    def extend(self, x: Tensor) -> Tensor:
        """Extend a map by ``self.padding``, of which at least one side is not zero.

        Raises:
            InputError: If the map is too small.
        """

    def forward(self, input: Tensor) -> Tensor:
        """Extend a map; without anything to add it is ``input`` itself."""
        return self.extend(input) if any(self.padding) else input

    @property
    def cfg(self) -> dict:
        """The config, without the padding."""
        return dict(type=self.mode, **self.options)

    def extra_repr(self) -> str:
        """The padding and the options."""
        return ', '.join([str(self.padding), *(f'{key}={value!r}' for key, value in self.options.items())])


def modes() -> dict[str, type[Pad]]:
    """All modes by their registered names.

    >>> list(modes())[:4]
    ['zero', 'reflect', 'replicate', 'circular']
    """
    return registered(Pad)


def build_padding(mode: Mode, padding: Padding) -> Pad:
    """Build the layer of a mode.

    Args:
        mode: A name of :func:`modes`, or ``dict(type='interp', mode='bicubic')``.
        padding: See :class:`Pad`.

    Raises:
        InputError: If the mode or an option is unknown, or the padding has another form.
        TypeError: If the layer of that name says that it is another mode.

    >>> build_padding('reflect', 1)
    ReflectPad((1, 1, 1, 1))
    """
    options = dict(mode) if isinstance(mode, dict) else dict(type=mode)
    options.pop('_scope_', None)
    name = options.pop('type', None)
    known = modes()
    layer = known.get(name.removeprefix('mmpe.')) if isinstance(name, str) else None
    if layer is None:
        raise InputError(f'unknown padding {mode!r}: it is one of {", ".join(known)}')
    accepted = layer(padding).cfg
    if accepted['type'] != name.removeprefix('mmpe.'):
        raise TypeError(
            f'{layer.__name__} is registered as {name!r}, and its mode is {accepted["type"]!r}: make them the same'
        )
    if options.keys() - accepted.keys():
        raise InputError(f'unknown option in padding {mode!r}: it takes {", ".join(accepted)}')
    return layer(padding, **options)


def pad(x: Tensor, padding: Padding, mode: Mode = 'zero') -> Tensor:
    """Extend a map past its borders.

    Args:
        x: (N, C, H, W) or (C, H, W).
        padding, mode: See :func:`build_padding`.

    Returns:
        (..., top + H + bottom, left + W + right), or ``x`` itself for ``none`` and for a padding of zero.

    Raises:
        InputError: As :func:`build_padding`, and if the map is too small for the mode.

    >>> import torch
    >>> pad(torch.tensor([[[1, 2, 3]]]), (0, 2), 'reflect')
    tensor([[[3, 2, 1, 2, 3, 2, 1]]])
    """
    return build_padding(mode, padding)(x)


def as_sides(padding: Padding) -> Sides:
    """(left, right, top, bottom) of any accepted form of padding; raises InputError for another one.

    >>> as_sides((1, 2))
    (2, 2, 1, 1)
    """
    values = tuple(padding) if isinstance(padding, (tuple, list)) else (padding, padding)
    if len(values) == 2:
        rows, columns = values
        values = (columns, columns, rows, rows)
    if len(values) != 4 or not all(isinstance(v, Integral) and v >= 0 for v in values):
        raise InputError(
            f'padding must be an int, (rows, columns) or (left, right, top, bottom), none negative, got {padding!r}'
        )
    return values
