"""What mmpe's own models are fed with when they are analysed, as each family declares it."""

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

_KEPT_OF_A_DRAW = 2**12  # bytes of a layer, at least: values of some channels at some places


@dataclass
class AnalysisInputs:
    """What :func:`analysis_inputs` gives: a generator and its inputs.

    Attributes:
        generator: Makes the pictures.
        sample_input: See :mod:`mmpe.analysis`.
        translation: Arguments of :func:`mmpe.analysis.equivariance` where maps among the inputs are not all there is to
            shift: ``sample_input``, ``shift`` and ``scale``. A pyramid's are those of its coarsest scale, where the
            layout is decided; finer ones have no whole cell for a cell of it.
    """

    generator: nn.Module
    sample_input: SampleInput
    translation: dict


def analysis_inputs(model: nn.Module, size: Size | None = None) -> AnalysisInputs:
    """The generator of a model of mmpe's, as it is sampled, and its inputs.

    Args:
        model: As :func:`mmpe.apis.load` gives it.
        size: (H, W) of the pictures; None: the model's own.

    Raises:
        InputError: If the model cannot give that size, has not been trained, or is of a kind that is not known here.

    >>> from mmpe.registry import MODELS
    >>> generator = dict(type='ConvGenerator', out_size=16, channels=8)
    >>> model = MODELS.build(dict(type='DCGANModel', generator=generator)).eval()
    >>> given = analysis_inputs(model)
    >>> given.generator(*given.sample_input(2, torch.Generator())).shape
    torch.Size([2, 3, 16, 16])
    """
    if not isinstance(model, SampledModel):
        raise InputError(
            f'what a {type(model).__name__} takes is not known: call mmpe.analysis.audit from Python, with a function '
            'that draws its inputs'
        )
    model.check_trained()
    declared = model.generator_inputs(None if size is None else as_size(size))
    movable = declared.movable
    return AnalysisInputs(declared.generator, declared.draw, {} if movable is None else _translation(movable))


def _translation(movable: MovableInputs) -> dict:
    """How a picture is shifted by way of its latents and coordinates."""

    def sample_input(num: int, rng: torch.Generator) -> tuple:
        return movable.draw(num, rng, movable.coordinates())

    def shift(inputs: tuple, by: tuple[float, float]) -> tuple:
        down, right = by
        latents = map_tensors(lambda x: translate(x, by) if x.ndim == 4 else x, inputs[0])
        before, after = inputs[1 : movable.place], inputs[movable.place + 1 :]
        return (latents, *before, movable.coordinates((right, down)), *after)

    return dict(sample_input=sample_input, shift=shift, scale=movable.scale)


def check_audit(model: SampledModel, size: Size | None, num: int, batch: int, layers: int) -> None:
    """Refuse an audit that memory cannot hold: whole maps of some layers at a time, and some numbers of every draw.

    Args:
        model: As :func:`mmpe.apis.load` gives it, trained.
        size: (H, W) of the pictures; None: the model's own.
        num: Number of draws.
        batch: Draws at a time.
        layers: How many are looked at.

    Raises:
        InputError: If there is less memory than it takes.
    """
    height, width = model.sample(num=1).shape[-2:] if size is None else size
    of_a_map = 4 * largest_map(model) * height * width
    needed = min(batch, num) * (MAPS_ALIVE + layers) * of_a_map + num * _KEPT_OF_A_DRAW * layers
    device = next(model.parameters()).device
    what = f'an audit of {num} images of {size_text((height, width))}, {min(batch, num)} at a time,'
    check_room(int(needed), device, what, 'a smaller --num, --batch or --size')
