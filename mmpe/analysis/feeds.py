"""What mmpe's own models are fed with, a function per family."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch

import torch
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.grid import Grid
from mmpe.memory import MAPS_ALIVE, check_room
from mmpe.models.adversarial import AdversarialModel
from mmpe.models.encodings import Encoding
from mmpe.models.sampled import SampledModel, largest_map
from mmpe.models.singan import SinGANSampler
from mmpe.models.stylegan2 import StyleGAN2Model
from mmpe.numbers import as_size, size_text

from .subject import SampleInput
from .translation import Shift, translate

_KEPT_OF_A_DRAW = 2**12  # bytes of a layer, at least: values of some channels at some places


@dataclass
class Feed:
    """A generator and its inputs.

    Attributes:
        generator (nn.Module): Makes the pictures.
        sample_input (SampleInput): See :mod:`mmpe.analysis`.
        translation (dict): Arguments of :func:`mmpe.analysis.equivariance` where maps among the inputs are not all
            there is to shift: ``sample_input``, ``shift`` and ``scale``. A pyramid's are those of its coarsest scale,
            where the layout is decided; finer ones have no whole cell for a cell of it.
    """

    generator: nn.Module
    sample_input: SampleInput
    translation: dict


def feed(model: nn.Module, size: tuple[int, int] | None = None) -> Feed:
    """The generator of a model of mmpe's, as it is sampled, and its inputs.

    Args:
        model (nn.Module): As :func:`mmpe.apis.load` gives it.
        size (tuple[int, int] | None): (H, W) of the pictures; None: the model's own.

    Returns:
        Feed: For the instruments.

    Raises:
        InputError: If the model cannot give that size, has not been trained, or is of a kind that is not known here.
    """
    if isinstance(model, SampledModel):
        model.check_trained()
    return _feed(model, None if size is None else as_size(size))


@singledispatch
def _feed(model: nn.Module, size: tuple[int, int] | None) -> Feed:
    raise InputError(
        f'what a {type(model).__name__} takes is not known: call mmpe.analysis.audit from Python, with a function that '
        'draws its inputs'
    )


def check_audit(model: nn.Module, size: tuple[int, int] | None, num: int, batch: int, layers: int) -> None:
    """Refuse an audit that memory cannot hold: whole maps of some layers at a time, and some numbers of every draw.

    Args:
        model (nn.Module): As :func:`mmpe.apis.load` gives it, trained.
        size (tuple[int, int] | None): (H, W) of the pictures; None: the model's own.
        num (int): Number of draws.
        batch (int): Draws at a time.
        layers (int): How many are looked at.

    Raises:
        InputError: If there is less memory than it takes.
    """
    height, width = model.sample(num=1).shape[-2:] if size is None else size
    of_a_map = 4 * largest_map(model) * height * width
    needed = min(batch, num) * (MAPS_ALIVE + layers) * of_a_map + num * _KEPT_OF_A_DRAW * layers
    device = next(model.parameters()).device
    what = f'an audit of {num} images of {size_text((height, width))}, {min(batch, num)} at a time,'
    check_room(int(needed), device, what, 'a smaller --num, --batch or --size')


@_feed.register
def _feed_pyramid(model: SinGANSampler, size: tuple[int, int] | None) -> Feed:
    generator = model.sampled_generator
    sizes = model.scaled_sizes(size)
    encoding, grid = generator.encoding, Grid(generator.noise_shape(0, sizes[0])[1:])

    def sample_input(num: int, rng: torch.Generator) -> tuple:
        return model.draw_noises(num, rng, sizes), model.noise_weights

    def coarsest(num: int, rng: torch.Generator) -> tuple:
        (noise,) = model.draw_noises(num, rng, sizes[:1])
        return [noise], model.noise_weights, encoding and encoding.coordinates(grid)

    def shift(inputs: tuple, by: tuple[float, float]) -> tuple:
        (noise,), weights, _ = inputs
        return [translate(noise, by)], weights, encoding and _shifted(encoding, grid, by)

    return Feed(generator, sample_input, dict(sample_input=coarsest, shift=shift, scale=1.0))


@_feed.register
def _feed_styles(model: StyleGAN2Model, size: tuple[int, int] | None) -> Feed:
    generator = model.sampled_generator
    base = None if size is None else generator.base_size(size)

    def inputs(num: int, rng: torch.Generator, draw: Callable, **named) -> tuple:
        z = torch.randn(num, generator.style_channels, generator=rng)
        noises = [draw(num, 1, *shape) for shape in generator.noise_shapes(base)]
        return _arguments(generator, z=z, base_size=base, injected_noise=noises, **named)

    def sample_input(num: int, rng: torch.Generator) -> tuple:
        return inputs(num, rng, lambda *shape: torch.randn(*shape, generator=rng))

    def without_noise(num: int, rng: torch.Generator, **named) -> tuple:
        return inputs(num, rng, torch.zeros, **named)

    return Feed(generator, sample_input, _translation(generator, generator.encoding, without_noise, base))


@_feed.register
def _feed_latents(model: AdversarialModel, size: tuple[int, int] | None) -> Feed:
    generator, stage = model.sampled_generator, model.stage_options
    base = None if size is None else generator.base_size(size)

    def sample_input(num: int, rng: torch.Generator, **named) -> tuple:
        z = torch.randn(num, *generator.latent_shape(base), generator=rng)
        return _arguments(generator, z=z, base_size=base, **stage, **named)

    encoding = generator.head.encoding
    if encoding is None:
        return Feed(generator, sample_input, {})
    return Feed(generator, sample_input, _translation(generator, encoding, sample_input, base, **stage))


def _translation(generator, encoding, sample_input, base, curr_scale: int | None = None, **_) -> dict:
    """How a picture is shifted by way of its coordinates."""
    grid = Grid(generator.head_size(base))

    def with_coordinates(num: int, rng: torch.Generator) -> tuple:
        return sample_input(num, rng, coordinates=encoding.coordinates(grid))

    doublings = generator.num_upsamplings if curr_scale is None else (curr_scale // 4).bit_length() - 1
    return dict(sample_input=with_coordinates, shift=_shift(generator, encoding, grid), scale=2.0**doublings)


def _shift(generator, encoding: Encoding, grid: Grid) -> Shift:
    place = list(inspect.signature(generator.forward).parameters).index('coordinates')

    def shift(inputs: tuple, by: tuple[float, float]) -> tuple:
        moved = _shifted(encoding, grid, by)
        latents = inputs[0]
        if isinstance(latents, Tensor) and latents.ndim == 4:
            latents = translate(latents, by)
        return (latents, *inputs[1:place], moved, *inputs[place + 1 :])

    return shift


def _shifted(encoding: Encoding, grid: Grid, by: tuple[float, float]) -> Tensor:
    """Coordinates of a grid whose picture has moved ``by`` (down, right) cells."""
    down, right = by
    return encoding.coordinates(grid.shifted((right, down)))


def _arguments(module: nn.Module, **named) -> tuple:
    """Named arguments of a module, the others by default, as a tuple in order."""
    bound = inspect.signature(module.forward).bind(**named)
    bound.apply_defaults()
    return bound.args
