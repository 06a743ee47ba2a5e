"""What experiments measure: the layout and the texture of a model's images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmpe.apis import sample
from mmpe.evaluation.layout import structure
from mmpe.evaluation.texture import patch_distance
from mmpe.grid import Size

from .claim import Measure


def draw(model: nn.Module, num: int, size: Size | None = None, batch: int = 4) -> Tensor:
    """Samples (num, 3, H, W), clipped to [-1, 1] as in files."""
    return torch.stack(list(sample(model, num, size, batch=batch))).clamp(-1, 1)


def layout_score(images: Tensor, picture: Tensor) -> Measure:
    """The structure of images compared with a picture (1, 3, H, W), with its standard error over images."""
    return Measure.of([structure(image[None], picture) for image in images])


def texture_distance(images: Tensor, picture: Tensor) -> Measure:
    """The sliced Wasserstein distance of 7x7 patches to a picture, over four groups of images."""
    return Measure.of([patch_distance(group, picture, 7) for group in images.chunk(4)])
