"""Seamless textures: a SinGAN's pyramid on a torus, or on a cylinder, where some axes have no border."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mmpe.errors import InputError
from mmpe.grid import Grid, Size
from mmpe.models.padding import Pad
from mmpe.models.sampled import check_memory
from mmpe.models.singan import SinGANGenerator, SinGANModel
from mmpe.random_numbers import check_draws, random_generator

from .edited import Edited
from .places import sample_image

AXES = dict(both=(True, True), x=(False, True), y=(True, False))
"""Whether (rows, columns) go on at the other end: the top of the image below its bottom, its left at the right."""

_CUBIC = -0.75  # of bicubic interpolation's kernels, torch's


@torch.no_grad()
def tile(
    model: SinGANModel,
    size: Size | None = None,
    axes: str = 'both',
    num: int = 4,
    seed: int = 0,
    start_scale: int = 0,
) -> Edited:
    """Draw textures that go on at the opposite side without a seam.

    Noise wraps, convolutions see the opposite side past an edge, and so does the enlargement between scales. An
    encoding's coordinates pass through the picture and back again: its layout has no jump. At a start scale above 0
    the reconstruction of the scale below does.

    Args:
        model (SinGANModel): In eval mode.
        size (tuple[int, int] | None): (H, W) of a texture. None: that of :func:`tile_size`.
        axes (str): Which ones wrap: ``both``, ``x`` (left and right continue each other) or ``y`` (top and bottom).
        num (int): How many.
        seed (int): Of the noise, at least 0; texture number i depends on it and i alone.
        start_scale (int): The first scale with random noise. At 0 a texture is new from the ground up; above, it is
            laid out as the picture and its mirror images.

    Raises:
        InputError: If the axes are others, the start scale does not exist, or the size is too small for the pyramid or
            too large for memory.
    """
    if axes not in AXES:
        raise InputError(f'textures wrap on the axes {", ".join(AXES)}, not {axes!r}')
    model.check_start_scale(start_scale)
    check_draws(num, seed)
    sizes = model.scaled_sizes(size or tile_size(model, axes, start_scale))
    check_memory(model, sizes[-1], num)
    torus = Torus(model.generator, AXES[axes])
    start = _start(model, torus, sizes, start_scale)
    weights = model.noise_weights[start_scale:]
    images = []
    for i in tqdm(range(num), unit='image', leave=False, disable=None):
        rng = random_generator('tiles', seed, i)
        shapes = [torus.noise_shape(scale, size) for scale, size in enumerate(sizes)][start_scale:]
        noises = [torch.randn(1, *shape, generator=rng).to(model.fixed_noise) for shape in shapes]
        images.append(torus(noises, weights, **start))
    return Edited(torch.cat(images), dict(picture=model.picture))


def _start(model, torus, sizes, start_scale) -> dict:
    """What tells the torus of the picture's layout."""
    trained = model.scaled_sizes()
    if start_scale:
        below = start_scale - 1
        layout = torus.layout(sizes[below], trained[below])
        image = sample_image(model.reconstruct(start_scale), layout.positions)
        return dict(image=image, first_scale=start_scale)
    return dict(coordinates=torus.noise_grid(sizes[0], trained[0]) if model.generator.encoding else None)


def tile_size(model: SinGANModel, axes: str = 'both', start_scale: int = 0) -> Size:
    """(H, W) of a texture that nobody gave a size: the picture's, on axes that wrap with its mirror image beside it.

    Without an encoding and from scale 0 on there is no layout, and it is the picture's.
    """
    times = 2 if model.generator.encoding or start_scale else 1
    height, width = (n * (times if wraps else 1) for n, wraps in zip(model.scaled_sizes()[-1], AXES[axes]))
    return height, width


def repeat(images: Tensor, times: int, axes: str = 'both') -> Tensor:
    """(N, 3, H, W) so many times over on each axis that wraps."""
    return images.repeat(1, 1, *(times if wraps else 1 for wraps in AXES[axes]))


class Torus:
    """A generator whose images wrap.

    Args:
        generator (SinGANGenerator): In eval mode; it is left as it is.
        wraps (tuple[bool, bool]): Whether (rows, columns) do. The others have the generator's own border.
    """

    def __init__(self, generator: SinGANGenerator, wraps: tuple[bool, bool]):
        self.wraps = wraps
        self.margins = [0 if wrap else generator.border.noise_margin for wrap in wraps]
        self.generator = copy.deepcopy(generator)
        for part in self.generator.modules():
            _pad_only(part, wraps)
        self.generator.border = _WrappedBorder(self.generator.border, wraps)

    def noise_shape(self, scale: int, size: Size) -> tuple[int, int, int]:
        """(C, h, w) of the noise map that gives an image of ``size`` (H, W) at ``scale``."""
        rows, columns = (n + 2 * margin for n, margin in zip(size, self.margins))
        return self.generator.noise_shape(scale, size)[0], rows, columns

    def noise_grid(self, size: Size, frame: Size) -> Grid:
        """Where scale 0's noise map lies in an encoding's space.

        Args:
            size (tuple[int, int]): (H, W) of scale 0's image.
            frame (tuple[int, int]): That of the picture: where an axis wraps, the grid passes through it and back. An
                axis that ends has the noise map itself as its frame.
        """
        margin = self.generator.border.noise_margin
        canvas = self.noise_shape(0, size)[1:]
        space = [n + 2 * margin if wrap else own for n, own, wrap in zip(frame, canvas, self.wraps)]
        passed = [n if wrap else own for n, own, wrap in zip(frame, canvas, self.wraps)]
        return Grid(space).extended(passed).resized(canvas).wrapped(*self.wraps)

    def layout(self, size: Size, frame: Size) -> Grid:
        """Where an image shows another: there and back where an axis wraps, and stretched where it ends.

        Args:
            size (tuple[int, int]): (H, W) of the new image.
            frame (tuple[int, int]): Of the one to be laid out.
        """
        return Grid(frame).resized(size).wrapped(*self.wraps)

    def enlarge(self, image: Tensor, size: Size) -> Tensor:
        """Bicubic resize to ``size`` (H, W): a period becomes a period; corners are aligned where an axis ends."""
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
        """Generate from one noise map a scale.

        Args:
            noises (Sequence[Tensor]): (N, C, h, w) each, see :meth:`noise_shape`.
            noise_weights (Sequence): An amplitude for each noise.
            coordinates (Grid | Tensor | None): Where scale 0's noise map lies, see :meth:`noise_grid`.
            image (Tensor | None): (N, 3, H, W), that of scale ``first_scale - 1``, see :meth:`layout`.
            first_scale (int): The scale of the first noise.

        Returns:
            Tensor: (N, 3, H, W), about [-1, 1].
        """
        for scale, (noise, weight) in enumerate(zip(noises, noise_weights), start=first_scale):
            if image is not None:
                rows, columns = (n - 2 * margin for n, margin in zip(noise.shape[-2:], self.margins))
                image = self.enlarge(image, (rows, columns))
            image = self.generator.refine(scale, noise, weight, image, coordinates)
        return image


class _WrappedBorder(nn.Module):
    """A border that, on axes that wrap, gives a block as many pixels of the opposite side as it eats."""

    def __init__(self, border: nn.Module, wraps):
        super().__init__()
        self.border, self.wraps, self.noise_margin = border, wraps, border.noise_margin

    def join(self, noise: Tensor, image: Tensor | None) -> Tensor:
        x = self.border.join(noise, image)
        for dim, wrap in zip((-2, -1), self.wraps):
            x = _wrap(x, self.border.reach, dim) if wrap else x
        return x


def _pad_only(part: nn.Module, wraps) -> None:
    """Take from a convolution or pad layer its padding on axes that wrap."""
    if isinstance(part, Pad):
        sides = zip(part.padding, (wraps[1], wraps[1], wraps[0], wraps[0]))
        part.padding = tuple(0 if wrap else n for n, wrap in sides)
    elif isinstance(part, nn.Conv2d):
        part.padding = tuple(0 if wrap else n for n, wrap in zip(part.padding, wraps))


def _wrap(x: Tensor, margin: int, dim: int) -> Tensor:
    """Extend an axis by what lies at its other end, also more than once round."""
    length = x.shape[dim]
    return x.index_select(dim, torch.arange(-margin, length + margin, device=x.device) % length)


def _resize_period(x: Tensor, length: int, dim: int) -> Tensor:
    """Bicubic resize along one axis on which a map is periodic, cells being as wide as the period has them."""
    count = x.shape[dim]
    place = (torch.arange(length, dtype=torch.float64) + 0.5) * count / length - 0.5
    first = place.floor()
    shape = [length if i == dim % x.ndim else 1 for i in range(x.ndim)]
    total = 0
    for tap in (-1, 0, 1, 2):
        weight = _cubic((place - first - tap).abs()).to(x).reshape(shape)
        total = total + weight * x.index_select(dim, ((first + tap).long() % count).to(x.device))
    return total


def _cubic(distance: Tensor) -> Tensor:
    """Keys' kernel of bicubic interpolation ("Cubic convolution interpolation", 1981) at distances from 0 to 2."""
    near = ((_CUBIC + 2) * distance - (_CUBIC + 3)) * distance**2 + 1
    far = _CUBIC * (((distance - 5) * distance + 8) * distance - 4)
    return torch.where(distance <= 1, near, far)
