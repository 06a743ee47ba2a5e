"""The inputs that mmpe's own models are analyzed with, as each family declares them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.memory import MAPS_ALIVE, check_room
from mmpe.models.generator_inputs import MovableInputs
from mmpe.models.sampled import SampledModel, largest_map
from mmpe.numbers import as_size, size_text

from .maps import map_tensors
from .subject import SampleInput
from .translation import translate

_KEPT_OF_A_DRAW = 2**12  # bytes per layer, at least: values of some channels at some places


@dataclass
class AnalysisInputs:
    """What :func:`analysis_inputs` gives: a generator and its inputs.

    Attributes:
        generator: The module that makes the pictures.
        sample_input: See :mod:`mmpe.analysis`.
        translation: ``sample_input``, ``shift`` and ``scale`` for :func:`mmpe.analysis.equivariance`, if more than the
            maps among the inputs must be shifted. For a pyramid they are those of the coarsest scale, where the layout
            is decided. A shift by one of its cells is not a shift by whole cells at finer scales.
    """

    generator: nn.Module
    sample_input: SampleInput
    translation: dict


def analysis_inputs(model: nn.Module, size: Size | None = None) -> AnalysisInputs:
    """The generator of one of mmpe's models and its inputs, as in sampling.

    Args:
        model: A model that :func:`mmpe.apis.load` returns.
        size: (H, W) of the pictures. None: the model's own size.

    Raises:
        InputError: If the model cannot make that size, has not been trained, or is not a ``SampledModel``.

    >>> from mmpe.registry import MODELS
    >>> generator = dict(type='ConvGenerator', out_size=16, channels=8)
    >>> model = MODELS.build(dict(type='DCGANModel', generator=generator)).eval()
    >>> given = analysis_inputs(model)
    >>> given.generator(*given.sample_input(2, torch.Generator())).shape
    torch.Size([2, 3, 16, 16])
    """
    if not isinstance(model, SampledModel):
        raise InputError(
            f'the inputs of a {type(model).__name__} are not known: call mmpe.analysis.audit from Python, with a '
            'function that draws them'
        )
    model.check_trained()
    declared = model.generator_inputs(None if size is None else as_size(size))
    movable = declared.movable
    return AnalysisInputs(declared.generator, declared.draw, {} if movable is None else _translation(movable))


def _translation(movable: MovableInputs) -> dict:
    """How a picture is shifted by shifting its latents and coordinates."""

    def sample_input(num: int, rng: torch.Generator) -> tuple:
        return movable.draw(num, rng, movable.coordinates())

    def shift(inputs: tuple, by: tuple[float, float]) -> tuple:
        down, right = by
        latents = map_tensors(lambda x: translate(x, by) if x.ndim == 4 else x, inputs[0])
        before, after = inputs[1 : movable.place], inputs[movable.place + 1 :]
        return (latents, *before, movable.coordinates((right, down)), *after)

    return dict(sample_input=sample_input, shift=shift, scale=movable.scale)


def check_audit(model: SampledModel, size: Size | None, num: int, batch: int, layers: int) -> None:
    """Refuse an audit that does not fit into memory.

    It keeps whole maps of all analyzed layers for one batch, and some numbers of every draw.

    Args:
        model: A trained model that :func:`mmpe.apis.load` returns.
        size: (H, W) of the pictures. None: the model's own size.
        num: Number of draws.
        batch: Draws at a time.
        layers: Number of analyzed layers.

    Raises:
        InputError: If there is not enough memory.
    """
    height, width = model.sample(num=1).shape[-2:] if size is None else size
    of_a_map = 4 * largest_map(model) * height * width
    needed = min(batch, num) * (MAPS_ALIVE + layers) * of_a_map + num * _KEPT_OF_A_DRAW * layers
    device = next(model.parameters()).device
    what = f'an audit of {num} images of {size_text((height, width))}, {min(batch, num)} at a time,'
    check_room(int(needed), device, what, 'a smaller --num, --batch or --size')
