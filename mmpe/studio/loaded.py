"""A SinGAN as the studio draws with it: its finished scales, and a quicker stand-in for previews."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from mmpe.apis.singan import finished_scales
from mmpe.grid import Size
from mmpe.model_config import build_model
from mmpe.models.singan import SinGANModel

_PREVIEW_WORK = 64e6
"""Multiply-adds of one layer in all scales that a preview draws: 30 ms of one CPU core, as measured."""


@dataclass(eq=False)
class LoadedModel:
    """The finished scales of a checkpoint.

    Attributes:
        checkpoint: The file.
        plain: The scales, all of them trained.
        model: The same, whose reconstructions are drawn once and kept.
        quick: Draws the same as a preview: see :func:`quick_copy`.
        pyramid: (height, width) of all scales of the checkpoint, trained or not.
    """

    checkpoint: Path
    plain: SinGANModel
    model: SinGANModel
    quick: SinGANModel
    pyramid: list[Size]

    @classmethod
    def of(cls, checkpoint: Path, device: torch.device) -> LoadedModel:
        """Load a checkpoint.

        Raises:
            InputError: If it cannot be read, is another model's, or has no finished scale.
        """
        finished = finished_scales(checkpoint)
        plain = build_model(finished['meta']['model'], finished['state_dict']).eval().to(device)
        model, quick = copy.copy(plain), quick_copy(plain)
        model.reconstruct = quick.reconstruct = cache(plain.reconstruct)
        return cls(checkpoint, plain, model, quick, finished['meta']['pyramid'])

    @property
    def size(self) -> Size:
        """(height, width) of the finest finished scale: of what is drawn."""
        return self.model.scaled_sizes()[-1]

    @property
    def is_finished(self) -> bool:
        """Whether all scales of the checkpoint are finished."""
        return self.model.num_scales == len(self.pyramid)

    @property
    def has_encoding(self) -> bool:
        """Whether the model can be told of a layout at start scale 0."""
        return self.model.generator.encoding is not None


class NoDetail(nn.Module):
    """Takes the place of a block, and adds nothing to the enlarged image below it."""

    width = 0

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(1)


def quick_copy(model: SinGANModel, work: float = _PREVIEW_WORK) -> SinGANModel:
    """A copy that draws coarse scales only, and enlarges them: sizes, places and options stay what they are.

    Args:
        model: Trained.
        work: Multiply-adds per layer that drawing an image may take. The coarsest scale is always drawn.

    >>> from mmpe.editing import warp
    >>> from mmpe.editing.example import example_singan
    >>> quick = quick_copy(example_singan(), work=10_000)
    >>> [type(block).__name__ for block in quick.generator.blocks]
    ['ConvChain', 'ConvChain', 'NoDetail']
    >>> warp(quick, sources=[(8, 12)], targets=[(11, 12)], num=1).images.shape
    torch.Size([1, 3, 24, 32])
    """
    quick = copy.deepcopy(model)
    blocks = quick.generator.blocks
    done = 0.0
    for scale, (height, width) in enumerate(model.scaled_sizes()):
        done += height * width * blocks[scale].width ** 2
        if scale and done > work:
            blocks[scale] = NoDetail()
    return quick
