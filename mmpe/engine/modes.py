"""Looking at a model in the middle of its training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[nn.Module]:
    """A model in eval mode for a while."""
    was_training = model.training
    model.eval()
    try:
        yield model
    finally:
        model.train(was_training)
