"""The batches of a resumed run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


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
