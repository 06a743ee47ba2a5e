"""The path length of "Analyzing and Improving the Image Quality of StyleGAN" (Karras et al., CVPR 2020)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from mmengine.dist import all_reduce
from torch import Tensor

from mmpe.numbers import check_whole
from mmpe.registry import MODELS
from mmpe.second_derivatives import second_derivatives

from .batches import StyleBatch
from .loss import Loss, Term

_DECAY = 0.01
_MEAN = 'mean_path_length'


def path_lengths(synthesize: Callable, styles: Tensor, noise: Tensor) -> Tensor:
    """How far images move when their styles do: the norms of J^T y of section 3.2, the Jacobian seen by noise images.

    It runs outside autocast: what is small in the first derivative would be lost in the second.

    Args:
        synthesize: Maps styles to images (N, 3, H, W).
        styles: (N, L, C), float32 or wider, which require a gradient.
        noise: Normal noise y, (N, 3, H, W). It is divided by the square root of H * W, so that the length does not
            depend on the size.

    Returns:
        (N,), the norm over C, its square averaged over the L styles. ``backward`` reaches the parameters.

    >>> styles = torch.zeros(1, 1, 1, requires_grad=True)
    >>> lengths = path_lengths(lambda s: 2 * s[..., None].expand(-1, 3, 2, 2), styles, torch.ones(1, 3, 2, 2))
    >>> lengths.tolist()  # 2 * 12 numbers / sqrt(4)
    [12.0]
    """
    with second_derivatives(), torch.autocast(styles.device.type, enabled=False):
        images = synthesize(styles)
        y = noise / math.sqrt(images.shape[-2] * images.shape[-1])
        (gradient,) = torch.autograd.grad((images * y).sum(), styles, create_graph=True)
        return gradient.square().sum(dim=2).mean(dim=1).sqrt()


def path_length_penalty(lengths: Tensor, target: Tensor | float) -> Tensor:
    """Mean square of what lengths (N,) are off the ``target``, as equation 4 has it; a scalar.

    >>> path_length_penalty(torch.tensor([1.0, 3.0]), 1.0)
    tensor(2.)
    """
    return (lengths - target).square().mean()


@MODELS.register_module()
class PathLengthPenalty(Loss):
    """:func:`path_length_penalty` with the running mean of :func:`path_lengths` as the target, for the generator.

    The mean moves after an update and not before its loss, so that all parts of a batch see the same one.

    Args:
        shrink: By how much its batch is smaller than the others.
        **settings: ``weight`` and ``interval``, see :class:`~mmpe.models.losses.Loss`.

    Raises:
        InputError: If an argument cannot be used.

    >>> MODELS.build(dict(type='PathLengthPenalty', weight=2, interval=4)).factor
    8
    """

    batch_type = StyleBatch
    memory = {_MEAN: ()}

    def __init__(self, shrink: int = 2, **settings):
        check_whole(1, shrink=shrink)
        super().__init__(**settings)
        self.shrink = shrink

    def generator_terms(self, batch: StyleBatch) -> list[Term]:
        """See :func:`path_length_penalty`."""

        def regularize() -> Tensor:
            lengths = self.measure(batch)
            batch.notes[self.name].append(lengths.detach())
            return self.factor * path_length_penalty(lengths, batch.memory[_MEAN])

        return [(self.logged_as, regularize)]

    def measure(self, batch: StyleBatch) -> Tensor:
        """The path lengths (N,) of a smaller batch of random images."""
        num = max(1, batch.num // self.shrink)
        styles, synthesize = batch.draw_styles('path length', num)
        return path_lengths(synthesize, styles, batch.normal('path length noise', num, 3, *batch.size))

    def remember(self, notes: Sequence[Tensor], memory: dict[str, Tensor]) -> None:
        """Move the mean towards that of all lengths of an update, of all processes."""
        length = torch.cat(list(notes)).mean()
        all_reduce(length, 'mean')
        memory[_MEAN].lerp_(length, _DECAY)
