"""Random images from any model that can be sampled, few at a time, and none that memory cannot hold."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from mmengine.model import BaseModel
from torch import Tensor

from mmpe.errors import InputError
from mmpe.models.sampled import as_sampled, check_memory
from mmpe.numbers import as_size, check_real, check_whole, given
from mmpe.random_numbers import check_draws

_MEMORY_OF_A_BATCH = 2**30


def sample(
    model: BaseModel,
    num: int = 1,
    size: tuple[int, int] | None = None,
    start_scale: int = 0,
    seed: int = 0,
    batch: int = 4,
    truncation: float | None = None,
) -> Iterator[Tensor]:
    """Draw random images; those of fewer are the first of those of more.

    What cannot be drawn is refused by the call itself, which draws the first images, and not later by the iterator.

    Args:
        model: In eval mode; or any other whose ``sample(num, seed, first)`` gives images number ``first`` and on, as
            (num, 3, H, W). It may take ``size``, ``start_scale`` and ``truncation`` too.
        num: How many.
        size: (H, W); None: the model's own.
        start_scale: The first scale with random noise, in models that have scales.
        seed: At least 0.
        batch: How many at a time, at most; large images are drawn one by one.
        truncation: How far styles may be from the mean one, in models that have styles.

    Returns:
        (3, H, W) each, about [-1, 1].

    Raises:
        InputError: If the model cannot be sampled, or not so, or has not been trained, or memory is too small.
    """
    check_draws(num, seed)
    check_whole(1, batch=batch)
    check_whole(0, start_scale=start_scale)
    size = None if size is None else as_size(size)
    if truncation is not None:
        check_real(truncation=truncation)
    options = given(size=size, start_scale=start_scale or None, truncation=truncation)
    name, model = type(model).__name__, as_sampled(model)
    model.check_trained()
    for option in options:
        if option not in model.sample_options:
            raise InputError(f'a {name} is sampled without a {option.replace("_", " ")}: leave it out')
    if size is not None:
        batch = max(1, min(batch, _MEMORY_OF_A_BATCH // check_memory(model, size)))

    def draw(first: int) -> Tensor:
        return model.sample(num=min(batch, num - first), seed=seed, first=first, **options)

    return chain(draw(0), chain.from_iterable(map(draw, range(batch, num, batch))))
