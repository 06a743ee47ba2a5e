"""A SinGAN's pyramid on a torus, or on a cylinder: some axes have no border."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmpe.grid import Grid, Size
from mmpe.models.padding import Pad
from mmpe.models.singan import SinGANGenerator

AXES = dict(both=(True, True), x=(False, True), y=(True, False))
"""Whether (rows, columns) continue at the other end: the top of the image below its bottom, its left at the right."""

_CUBIC = -0.75  # of bicubic interpolation's kernels, torch's


def repeat(images: Tensor, times: int, axes: str = 'both') -> Tensor:
    """Images (N, 3, H, W), repeated on each axis that wraps.

    >>> repeat(torch.zeros(1, 3, 4, 6), times=2, axes='x').shape
    torch.Size([1, 3, 4, 12])
    """
    return images.repeat(1, 1, *(times if wraps else 1 for wraps in AXES[axes]))


class Torus:
    """A generator whose images wrap.

    Args:
        generator: In eval mode; it is left as it is.
        wraps: Whether (rows, columns) wrap. An axis that does not has the generator's own border.

    >>> from mmpe.editing.example import example_singan
    >>> torus = Torus(example_singan().generator, (True, True))
    >>> noises = [torch.randn(1, *torus.noise_shape(level, size)) for level, size in enumerate([(12, 16), (24, 32)])]
    >>> torus(noises, [1, 0.1], coordinates=torus.noise_grid((12, 16), frame=(12, 16))).shape
    torch.Size([1, 3, 24, 32])
    """

    def __init__(self, generator: SinGANGenerator, wraps: tuple[bool, bool]):
        self.wraps = wraps
        self.margins = [0 if wrap else generator.padding.margin for wrap in wraps]
        self.generator = copy.deepcopy(generator)
        for part in self.generator.modules():
            _pad_only(part, wraps)
        self.generator.padding = _WrappedPadding(self.generator.padding, wraps)

    def noise_shape(self, level: int, size: Size) -> tuple[int, int, int]:
        """(C, h, w) of the noise map that gives an image of ``size`` at a level of the pyramid."""
        rows, columns = (n + 2 * margin for n, margin in zip(size, self.margins))
        return self.generator.noise_shape(level, size)[0], rows, columns

    def noise_grid(self, size: Size, frame: Size) -> Grid:
        """Where scale 0's noise map lies in an encoding's space.

        Args:
            size: Of scale 0's image.
            frame: The size of the picture at scale 0. Where an axis wraps, the grid passes through the picture and
                back. An axis that ends has the noise map itself as its frame.
        """
        margin = self.generator.padding.margin
        canvas = self.noise_shape(0, size)[1:]
        space = [n + 2 * margin if wrap else own for n, own, wrap in zip(frame, canvas, self.wraps)]
        passed = [n if wrap else own for n, own, wrap in zip(frame, canvas, self.wraps)]
        return Grid(space).extended(passed).resized(canvas).wrapped(*self.wraps)

    def layout(self, size: Size, frame: Size) -> Grid:
        """Where an image of ``size`` shows one of size ``frame``.

        On an axis that wraps it passes through that image and back; an axis that ends is stretched.
        """
        return Grid(frame).resized(size).wrapped(*self.wraps)

    def enlarge(self, image: Tensor, size: Size) -> Tensor:
        """Bicubic resize to ``size``: a period becomes a period, and corners are aligned where an axis ends."""
        for dim, length, wrap in zip((-2, -1), size, self.wraps):
            image = _resize_period(image, length, dim) if wrap else image
        return self.generator.enlarge(image, size)

    def __call__(
        self,
        noises: Sequence[Tensor],
        noise_weights: Sequence,
        coordinates: Grid | Tensor | None = None,
        image: Tensor | None = None,
        first_scale: int = 0,
    ) -> Tensor:
        """Generate from one noise map per scale.

        Args:
            noises: (N, C, h, w) each, see :meth:`noise_shape`.
            noise_weights: An amplitude for each noise.
            coordinates: Where scale 0's noise map lies, see :meth:`noise_grid`.
            image: (N, 3, H, W), that of scale ``first_scale - 1``, see :meth:`layout`.
            first_scale: The scale of the first noise.

        Returns:
            (N, 3, H, W), about [-1, 1].
        """
        for level, (noise, weight) in enumerate(zip(noises, noise_weights), start=first_scale):
            if image is not None:
                rows, columns = (n - 2 * margin for n, margin in zip(noise.shape[-2:], self.margins))
                image = self.enlarge(image, (rows, columns))
            image = self.generator.refine(level, noise, weight, image, coordinates)
        return image


class _WrappedPadding(nn.Module):
    """A padding that, on axes that wrap, gives a block as many pixels of the opposite side as it eats."""

    def __init__(self, padding: nn.Module, wraps: tuple[bool, bool]):
        super().__init__()
        self.padding, self.wraps, self.margin = padding, wraps, padding.margin

    def join(self, noise: Tensor, image: Tensor | None) -> Tensor:
        x = self.padding.join(noise, image)
        for dim, wrap in zip((-2, -1), self.wraps):
            x = _wrap(x, self.padding.radius, dim) if wrap else x
        return x


def _pad_only(part: nn.Module, wraps: tuple[bool, bool]) -> None:
    """Take its padding on axes that wrap from a convolution or a pad layer."""
    if isinstance(part, Pad):
        sides = zip(part.padding, (wraps[1], wraps[1], wraps[0], wraps[0]))
        part.padding = tuple(0 if wrap else n for n, wrap in sides)
    elif isinstance(part, nn.Conv2d):
        part.padding = tuple(0 if wrap else n for n, wrap in zip(part.padding, wraps))


def _wrap(x: Tensor, margin: int, dim: int) -> Tensor:
    """Extend an axis by what lies at its other end, also by more than a whole turn."""
    length = x.shape[dim]
    return x.index_select(dim, torch.arange(-margin, length + margin, device=x.device) % length)


def _resize_period(x: Tensor, length: int, dim: int) -> Tensor:
    """Bicubic resize along an axis on which a map is periodic: as many cells as ``length`` to a period."""
    count = x.shape[dim]
    positions = (torch.arange(length, dtype=torch.float64) + 0.5) * count / length - 0.5
    first = positions.floor()
    shape = [length if i == dim % x.ndim else 1 for i in range(x.ndim)]
    total = 0
    for tap in (-1, 0, 1, 2):
        weight = _cubic((positions - first - tap).abs()).to(x).reshape(shape)
        total = total + weight * x.index_select(dim, ((first + tap).long() % count).to(x.device))
    return total


def _cubic(distance: Tensor) -> Tensor:
    """Keys' kernel of bicubic interpolation ("Cubic convolution interpolation", 1981) at distances from 0 to 2."""
    near = ((_CUBIC + 2) * distance - (_CUBIC + 3)) * distance**2 + 1
    far = _CUBIC * (((distance - 5) * distance + 8) * distance - 4)
    return torch.where(distance <= 1, near, far)
