"""Seamless textures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch

from mmpe import arguments
from mmpe.arguments import whole
from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.models.sampled import check_memory
from mmpe.models.singan import SinGANSampler
from mmpe.progress import tracked
from mmpe.random_numbers import check_draws, random_generator

from ..edited import Edited
from ..inverse_maps import sample_image
from ..tasks import Draws, Scale, task
from ..torus import AXES, Torus
from ..torus import repeat as repeated

_NUMBERS_REPEATED = 2**26  # a sheet with more of them could not be looked at


@torch.no_grad()
def tile(
    model: SinGANSampler,
    size: Size | None = None,
    axes: str = 'both',
    num: int = 4,
    seed: int = 0,
    start_scale: int = 0,
) -> Edited:
    """Draw textures that continue at the opposite side without a seam.

    Noise wraps, convolutions see the opposite side past an edge, and so does the enlargement between scales. An
    encoding's coordinates pass through the picture and back again, so that its layout has no jump. At a start scale
    above 0 the reconstruction of the scale below does the same.

    Args:
        model: In eval mode.
        size: (height, width) of a texture. None: that of :func:`tile_size`.
        axes: Which axes wrap: 'both', 'x' (left and right continue each other) or 'y' (top and bottom).
        num: How many textures.
        seed: Of the noise, at least 0; texture number i depends on the seed and i alone.
        start_scale: The first scale with random noise. At 0 a texture is new from the ground up; above, it is laid out
            as the picture and its mirror images.

    Raises:
        InputError: If there are no such axes, the start scale does not exist, or the size is too small for the pyramid
            or too large for memory.

    >>> from mmpe.editing.example import example_singan
    >>> tile(example_singan(), axes='x', num=2).images.shape
    torch.Size([2, 3, 24, 64])
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
    for i in tracked(range(num), 'image'):
        rng = random_generator('tiles', seed, i)
        shapes = [torus.noise_shape(level, size) for level, size in enumerate(sizes)][start_scale:]
        noises = [torch.randn(1, *shape, generator=rng).to(model.fixed_noise) for shape in shapes]
        images.append(torus(noises, weights, **start))
    return Edited(torch.cat(images), dict(picture=model.picture))


def tile_size(model: SinGANSampler, axes: str = 'both', start_scale: int = 0) -> Size:
    """The (height, width) of a texture where the user names no size.

    It is the picture's; on axes that wrap, with the mirror image beside it. Without an encoding a texture that is new
    from the ground up has no layout, and then it is the picture's on all axes.

    >>> from mmpe.editing.example import example_singan
    >>> tile_size(example_singan(), axes='x')
    (24, 64)
    """
    times = 2 if model.generator.encoding or start_scale else 1
    height, width = (n * (times if wraps else 1) for n, wraps in zip(model.scaled_sizes()[-1], AXES[axes]))
    return height, width


def _start(model: SinGANSampler, torus: Torus, sizes: list[Size], start_scale: int) -> dict[str, Any]:
    """What tells the torus of the picture's layout."""
    trained = model.scaled_sizes()
    if start_scale:
        below = start_scale - 1
        layout = torus.layout(sizes[below], trained[below])
        image = sample_image(model.reconstruct(start_scale), layout.positions)
        return dict(image=image, first_scale=start_scale)
    return dict(coordinates=torus.noise_grid(sizes[0], trained[0]) if model.generator.encoding else None)


@task('tile', '--axes both --size 128x128 --repeat 2')
def tile_task(
    model: SinGANSampler,
    *,
    draws: Draws,
    axes: Literal['both', 'x', 'y'] = 'both',
    size: arguments.Size | None = None,
    start_scale: Scale = 0,
    repeat: Annotated[int, whole(1, 1000, 'TIMES')] = 2,
) -> Edited:
    """Seamless textures, which continue themselves.

    Args:
        axes: x: left and right continue each other; y: top and bottom do
        size: of a texture, in pixels; default: the picture's, on axes that wrap twice that if the texture is laid out
            as the picture, by an encoding or a start scale
        start_scale: first scale with random noise; above 0: the texture is laid out as the picture and its mirror
            images
        repeat: how often the sheet repeats each, unless it is huge
    """
    edited = tile(model, size, axes, draws.num, draws.seed, start_scale)
    for i, image in enumerate(edited.images.split(1)):
        if (i + 1) * repeat**2 * image.numel() <= _NUMBERS_REPEATED:
            edited.before[f'{i}, repeated'] = repeated(image, repeat, axes)
    return edited
