"""The batches of a training that goes on."""

from __future__ import annotations

from collections.abc import Iterator


class ResumedBatches:
    """Batches from where a run is, for a loop of MMEngine's that first skips those from before.

    MMEngine takes as many batches as the run has seen; onedl-mmengine asks for ``skip_iter``.

    Args:
        batches: Those to come; begun when the first of them is asked for.
        seen: By the run, before.

    >>> batches = ResumedBatches(iter('ab'), seen=2)
    >>> [next(batches) for _ in range(4)]
    [None, None, 'a', 'b']
    """

    def __init__(self, batches: Iterator, seen: int):
        self._batches, self._seen = batches, seen

    def __iter__(self) -> Iterator:
        return self

    def __next__(self):
        if self._seen:
            self._seen -= 1
            return None
        return next(self._batches)

    def skip_iter(self, num: int) -> None:
        """Skip batches that the run has seen, all at once."""
        self._seen = max(0, self._seen - num)
