"""A training rule knows its losses by what they need, not by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from .losses import GeneratorBatch, Losses
from .resumable import ResumableModel


class LossModel(ResumableModel):
    """A model that is trained by losses which a config names.

    Attributes:
        default_losses: Config of each loss that it has if nothing else is said, by its name.
        batch_type: What the generator's losses see of its batches.
        losses: Its losses. What they remember is in the model's state dict.
    """

    default_losses: ClassVar[dict[str, dict]] = {}
    batch_type: ClassVar[type[GeneratorBatch]] = GeneratorBatch
    losses: Losses

    def set_losses(self, configs: Mapping | None = None) -> None:
        """Build the losses, and make room for what they remember; see :class:`~mmpe.models.losses.Losses`.

        Args:
            configs: What differs from the default losses, by name.

        Raises:
            InputError: If a loss cannot be built, or needs what the model does not have.
        """
        self.losses = Losses(self.default_losses, configs, self.batch_type)
        for name, shape in self.losses.memory.items():
            self.register_buffer(name, torch.zeros(shape))

    @property
    def memory(self) -> dict[str, Tensor]:
        """What losses remember, by its name in the state dict."""
        return {name: getattr(self, name) for name in self.losses.memory}
