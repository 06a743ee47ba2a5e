"""The batches of a run, and of a resumed one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from mmengine.dataset import pseudo_collate


def stack_inputs(items: Sequence[dict]) -> dict:
    """MMEngine's batch of items, with ``inputs`` of one shape as one tensor: one copy to a GPU, not one per picture.

    >>> stack_inputs([dict(inputs=torch.zeros(3, 4, 4), name='a'), dict(inputs=torch.ones(3, 4, 4), name='b')])['name']
    ['a', 'b']
    """
    batch = pseudo_collate(items)
    inputs = batch.get('inputs') if isinstance(batch, dict) else None
    if isinstance(inputs, list) and all(isinstance(x, torch.Tensor) and x.shape == inputs[0].shape for x in inputs):
        batch['inputs'] = torch.stack(inputs)
    return batch


class ResumedBatches:
    """The batches that a resumed run has not seen yet, for MMEngine's loops, which first skip all earlier batches.

    MMEngine skips by taking as many batches as the run has seen; onedl-mmengine calls ``skip_iter``.

    Args:
        batches: The batches to come. The iterator is first asked when the earlier batches have been skipped.
        seen: How many batches the run has seen.

    >>> batches = ResumedBatches(iter('ab'), seen=2)
    >>> [next(batches) for _ in range(4)]
    [None, None, 'a', 'b']
    """

    def __init__(self, batches: Iterator, seen: int):
        self._batches, self._seen = batches, seen

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        if self._seen:
            self._seen -= 1
            return None
        return next(self._batches)

    def skip_iter(self, num: int) -> None:
        """Skip ``num`` batches that the run has seen."""
        self._seen = max(0, self._seen - num)
