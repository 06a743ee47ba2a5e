"""What draws random images: the contract that sampling, analysis, evaluation and the tools rest on."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.memory import MAPS_ALIVE, check_room
from mmpe.numbers import as_size, given, size_text
from mmpe.second_derivatives import uncompiled

from .generator_inputs import GeneratorInputs
from .tensor_sampler import TensorSampler

SAMPLE_OPTIONS = ('size', 'start_scale', 'truncation')
_COPIES = 2  # of finished images: apart, and put together


class SampledModel(BaseModel):
    """A model, of any family, that draws random images.

    A family implements :meth:`sample`. That is enough for sampling, validation and tests. The audit also needs
    :meth:`generator_inputs`.

    Attributes:
        sample_options: Those of :data:`SAMPLE_OPTIONS` that :meth:`sample` takes.
    """

    sample_options: tuple[str, ...] = ()

    @abstractmethod
    def sample(self, num: int = 1, *, seed: int = 0, first: int = 0, **options) -> Tensor:
        """Draw random images: the ``first``, ``first + 1``, ... of those that ``seed`` stands for.

        Args:
            num: How many.
            seed: Of the noise, at least 0.
            first: Number of the first image; drawing few at a time gives the same images as all at once.
            **options: ``size`` (H, W), ``start_scale`` and ``truncation``, as far as the family has them.

        Returns:
            (num, 3, H, W), about [-1, 1].
        """

    def forward(
        self, inputs: dict | list[dict] | None = None, data_samples: None = None, mode: str = 'tensor'
    ) -> Tensor | list[dict]:
        """Random images.

        Args:
            inputs: In 'tensor' mode the arguments of :meth:`sample`; in 'predict' mode what to draw, as
                :class:`~mmpe.datasets.SampleNumbers` asks for it.
            data_samples: Without effect.
            mode: 'tensor' or 'predict', MMEngine's in validation and test.

        Returns:
            Images (N, 3, H, W); or for each number a dict of it and of ``images``, (H, W) to (3, H, W) in [-1, 1].
        """
        if mode != 'predict':
            return self.sample(**(inputs or {}))
        return [dict(number=item['number'], images=self._numbered(**item)) for item in inputs]

    def val_step(self, data: Any) -> list[dict]:
        """MMEngine's step of validation. It is uncompiled, so scores do not depend on how a run is compiled."""
        with uncompiled():
            return super().val_step(data)

    def _numbered(self, number: int, sizes: Sequence[Size] | None) -> dict[Size, Tensor]:
        images = {}
        for size in sizes or [None]:
            options = given(size=size) if 'size' in self.sample_options else {}
            image = self.sample(first=number, **options)[0].clamp(-1, 1)
            images[size or tuple(image.shape[-2:])] = image
        return images

    @property
    def sampled_generator(self) -> nn.Module:
        """The network that makes the images."""
        return self

    def generator_inputs(self, size: Size | None = None) -> GeneratorInputs:
        """What the generator is called with for images of a size (H, W); None: of the model's own.

        Raises:
            InputError: If the family does not declare it, or cannot give the size.
        """
        raise InputError(f'what the generator of a {type(self).__name__} takes is not declared')

    def tensor_sampler(self) -> TensorSampler:
        """The sampler as a function of tensors alone, for :func:`mmpe.apis.export`.

        A family whose styles can be truncated takes ``truncation``.

        Raises:
            InputError: If the family does not declare it.
        """
        raise _not_exportable(self)

    def check_trained(self) -> None:
        """Refuse to sample a model that has not been trained.

        Raises:
            InputError: If it has not.
        """

    def describe_progress(self) -> str:
        """What is still to be trained, for people; nothing where a model cannot tell."""
        return ''

    def memory_of_an_image(self, size: tuple[int, int]) -> int:
        """Bytes that drawing one image of ``size`` (H, W) takes at most, about; measured on one of the model's own."""
        height, width = as_size(size)
        return int(MAPS_ALIVE * 4 * largest_map(self) * height * width)


def check_memory(model: SampledModel, size: tuple[int, int], num: int = 1, batch: int = 1) -> int:
    """Refuse images that memory cannot hold.

    Args:
        model: Its ``memory_of_an_image(size)`` says what drawing one takes.
        size: (H, W).
        num: How many are drawn, and kept.
        batch: How many of them at a time.

    Returns:
        Bytes that drawing one takes, about.

    Raises:
        InputError: If there is less memory than they take.
    """
    of_one = model.memory_of_an_image(size)
    what, advice = ('an image', 'a smaller size') if num == 1 else (f'{num} images', 'fewer, or a smaller size')
    needed = min(batch, num) * of_one + (num - 1) * _COPIES * 3 * 4 * size[0] * size[1]
    check_room(needed, next(model.parameters()).device, f'{what} of {size_text(size)}', advice)
    return of_one


def largest_map(model: SampledModel) -> float:
    """Numbers in the largest map between two layers, for each pixel of the image.

    Measured on an image of the model's own size: the widest layers need not be those at full resolution.
    """
    largest = 0

    def note(module: nn.Module, inputs: tuple, output: object) -> None:
        nonlocal largest
        if isinstance(output, Tensor):
            largest = max(largest, output.numel())

    with uncompiled(), register_module_forward_hook(note):
        height, width = model.sample(num=1).shape[-2:]
    return largest / (height * width)


def as_sampled(model: nn.Module) -> SampledModel:
    """A model under the contract, whoever wrote it.

    Args:
        model: A :class:`SampledModel`, or any other with a method ``sample(num, seed, first)``.

    Raises:
        InputError: If it has no such method.

    >>> as_sampled(nn.Linear(1, 1))
    Traceback (most recent call last):
    mmpe.errors.InputError: a Linear cannot be sampled
    """
    if isinstance(model, SampledModel):
        return model
    if not callable(getattr(model, 'sample', None)):
        raise InputError(f'a {type(model).__name__} cannot be sampled')
    return _Undeclared(model)


class _Undeclared(SampledModel):
    """A model of somebody else's that does not declare what it is: its ``sample`` itself is asked what it takes."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        taken = inspect.signature(model.sample).parameters
        self.sample_options = tuple(name for name in SAMPLE_OPTIONS if name in taken)

    @property
    def sampled_generator(self) -> nn.Module:
        return self.model

    def forward(self, *args, **kwargs) -> Tensor:
        return self.model(*args, **kwargs)

    def sample(self, num: int = 1, *, seed: int = 0, first: int = 0, **options) -> Tensor:
        return self.model.sample(num=num, seed=seed, first=first, **options)

    def tensor_sampler(self) -> TensorSampler:
        raise _not_exportable(self.model)


def _not_exportable(model: nn.Module) -> InputError:
    return InputError(f'a {type(model).__name__} cannot be exported: it has no tensor_sampler, see SampledModel')
