"""The batches that losses see: the contract between training rules and losses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from mmpe.grid import Size

Critic = Callable[[Tensor], Tensor]


@dataclass(kw_only=True)
class DiscriminatorBatch:
    """What the discriminator's losses see.

    Args:
        critic: The discriminator, from images (N, 3, H, W) to scores: one per image, or a map of them.
        reals: Real pictures (N, 3, H, W) in [-1, 1].
        draw_fakes: Gives as many random images.
        draw_shares: Gives uniform numbers (N, 1, 1, 1) in [0, 1].

    >>> batch = DiscriminatorBatch(
    ...     critic=lambda images: images.mean((1, 2, 3)),
    ...     reals=torch.ones(4, 3, 8, 8),
    ...     draw_fakes=lambda: torch.zeros(4, 3, 8, 8),
    ...     draw_shares=lambda: torch.rand(4, 1, 1, 1),
    ... )
    >>> from mmpe.registry import MODELS
    >>> terms = dict(MODELS.build(dict(type='WassersteinLoss')).discriminator_terms(batch))
    >>> terms['loss_real'](), terms['loss_fake']()
    (tensor(-1.), tensor(0.))
    """

    critic: Critic
    reals: Tensor
    draw_fakes: Callable[[], Tensor]
    draw_shares: Callable[[], Tensor]

    @cached_property
    def fakes(self) -> Tensor:
        """Random images (N, 3, H, W), without gradients; the same ones for all losses."""
        with torch.no_grad():
            return self.draw_fakes()


@dataclass(kw_only=True)
class GeneratorBatch:
    """What the generator's losses see.

    Args:
        critic: The discriminator, as in :class:`DiscriminatorBatch`; its weights take no gradients.
        draw_fakes: Gives random images.
        memory: What losses remember between updates, by its name in the state dict.
        reals: Real pictures, as many as random images; None where no loss needs them.
        notes: What losses have found so far in this update, by the names of the losses.

    >>> images = torch.full((4, 3, 8, 8), 0.5)
    >>> batch = GeneratorBatch(critic=lambda x: x.mean((1, 2, 3)), draw_fakes=lambda: images, memory={})
    >>> from mmpe.registry import MODELS
    >>> MODELS.build(dict(type='WassersteinLoss')).loss_of_fakes(batch)
    tensor(-0.5000)
    """

    kind: ClassVar[str] = 'a generator of random images'

    critic: Critic
    draw_fakes: Callable[[], Tensor]
    memory: dict[str, Tensor]
    reals: Tensor | None = None
    notes: dict[str, list[Tensor]] = field(default_factory=lambda: defaultdict(list))

    @cached_property
    def fakes(self) -> Tensor:
        """Random images (N, 3, H, W) with the generator's gradients; the same ones for all losses."""
        return self.draw_fakes()


@dataclass(kw_only=True)
class StyleBatch(GeneratorBatch):
    """What losses see of a generator of styles.

    Args:
        num: Random images of the batch.
        base: The base grid (h, w).
        size: The images, (H, W).
        draw_styles: From a purpose and a number to styles (N, L, C), and a function that makes images of styles, at
            ``base`` or at the base grid that is its second argument. Each purpose has its own random numbers.
        normal: From a purpose, a number and a shape to normal numbers (N, *shape).

    >>> def synthesize(styles, base=(4, 4)):
    ...     return styles.mean((1, 2)).view(-1, 1, 1, 1).expand(-1, 3, 4 * base[0], 4 * base[1])
    >>> batch = StyleBatch(
    ...     critic=lambda images: images.mean((1, 2, 3)),
    ...     draw_fakes=lambda: synthesize(torch.zeros(4, 2, 8)),
    ...     memory={},
    ...     num=4,
    ...     base=(4, 4),
    ...     size=(16, 16),
    ...     draw_styles=lambda purpose, num: (torch.zeros(num, 2, 8), synthesize),
    ...     normal=lambda purpose, num, *shape: torch.randn(num, *shape),
    ... )
    >>> from mmpe.registry import MODELS
    >>> ((name, compute),) = MODELS.build(dict(type='ScaleConsistencyLoss')).generator_terms(batch)
    >>> compute()
    tensor(0.)
    """

    kind = 'a generator of styles'

    num: int
    base: Size
    size: Size
    draw_styles: Callable[[str, int], tuple[Tensor, Callable[..., Tensor]]]
    normal: Callable[..., Tensor]


@dataclass(kw_only=True)
class PictureBatch(GeneratorBatch):
    """What losses see of a generator that learns a single picture.

    Args:
        reconstruct: Gives the generator's image of its fixed noise.
        images_since_frozen: How many images have been drawn with frozen normalization; None: it is not frozen yet. A
            scalar tensor in a CUDA graph, where a loss may not read the number, but can compute with it.

    >>> batch = PictureBatch(
    ...     critic=lambda images: images.mean((1, 2, 3)),
    ...     draw_fakes=lambda: torch.zeros(1, 3, 8, 8),
    ...     memory={},
    ...     reals=torch.ones(1, 3, 8, 8),
    ...     reconstruct=lambda: torch.full((1, 3, 8, 8), 0.5),
    ...     images_since_frozen=None,
    ... )
    >>> from mmpe.registry import MODELS
    >>> ((name, compute),) = MODELS.build(dict(type='ReconstructionLoss')).generator_terms(batch)
    >>> compute()
    tensor(0.2500)
    """

    kind = 'a generator that learns a single picture'

    reconstruct: Callable[[], Tensor]
    images_since_frozen: int | Tensor | None
