"""What a family declares of its generator, so that others can call it: its arguments, and how the picture moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mmpe.grid import Grid

from .encodings import Encoding


@dataclass(frozen=True)
class MovableInputs:
    """Arguments in which latents and coordinates are all that says what is where.

    Attributes:
        draw: From (num, rng, coordinates) to the generator's arguments; latents come first, as vectors or as maps.
        encoding: What the coordinates are for; None: there is none, and coordinates are None.
        grid: The cells that the encoding codes.
        place: Which argument the coordinates are, counted from 0.
        scale: Pixels of the picture per cell of the grid.
    """

    draw: Callable[[int, torch.Generator, Tensor | None], tuple]
    encoding: Encoding | None
    grid: Grid
    place: int
    scale: float

    def coordinates(self, by: tuple[float, float] = (0, 0)) -> Tensor | None:
        """(h, w, 2) of a picture that has moved ``by`` (right, down) cells."""
        return None if self.encoding is None else self.encoding.coordinates(self.grid.shifted(by))


@dataclass(frozen=True)
class GeneratorInputs:
    """A generator, and what it is called with.

    Attributes:
        generator: Makes the pictures.
        draw: From (num, rng) to the arguments for ``num`` random images, drawn by a ``torch.Generator`` on the CPU.
        movable: None: its pictures cannot be moved by coordinates.
    """

    generator: nn.Module
    draw: Callable[[int, torch.Generator], tuple]
    movable: MovableInputs | None = None
