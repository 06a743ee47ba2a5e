"""Random images from any model that can be sampled, in batches that fit into memory."""

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
    """Draw random images. With the same seed, the first images are the same for every ``num``.

    The call itself draws the first batch, so it raises every error; the iterator raises none.

    Args:
        model: A trained model in eval mode; or any other with ``sample(num, seed, first)``, which returns the images
            from number ``first`` on, as (num, 3, H, W). It may also accept ``size``, ``start_scale`` and
            ``truncation``.
        num: How many images are drawn.
        size: (height, width) of the images. None: the model's own size.
        start_scale: The first scale with random noise, for models with scales.
        seed: The seed, at least 0.
        batch: How many images are drawn at a time, at most. Large images are drawn one by one.
        truncation: How far styles may be from the mean style, for models with styles.

    Returns:
        The images one by one, (3, H, W) each, about [-1, 1].

    Raises:
        InputError: If the model cannot be sampled, does not accept an option, or is not trained, or if memory is too
            small.

    >>> from mmpe.editing.example import example_singan
    >>> [image.shape for image in sample(example_singan(), num=2, size=(24, 64))]
    [torch.Size([3, 24, 64]), torch.Size([3, 24, 64])]
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
