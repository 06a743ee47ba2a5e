"""How far long work is. What works reports it; whether anyone sees it is up to the caller.

A stage is a name, how many of its steps are done, and of how many. It is over when both numbers are equal. Without
:func:`reporting` around it a report goes nowhere, so that libraries are silent and the tools show bars.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from tqdm import tqdm

Callback = Callable[[str, float, float | None], None]
Item = TypeVar('Item')

# The outermost bar stays. Steps that are reported in bursts have a steady rate without smoothing.
_BAR = dict(leave=None, miniters=0, smoothing=0)


class _Bar(tqdm):
    """A bar that is closed by who made it: tqdm's own end of a bar fails if Ctrl-C came while it was made."""

    def __del__(self):
        """Do nothing, in place of closing."""


_callback: ContextVar[Callback | None] = ContextVar('progress', default=None)


@contextmanager
def reporting(callback: Callback | None) -> Iterator[None]:
    """Within, send all reports of this thread to a callback, in place of any around it.

    Args:
        callback: Takes the stage, the steps that are done, and all steps; None where their number is not known. A
            callback of None silences what is within.

    >>> with reporting(lambda stage, done, total: print(stage, done, total)):
    ...     report('image', 1, 3)
    image 1 3
    """
    token = _callback.set(callback)
    try:
        yield
    finally:
        _callback.reset(token)


def report(stage: str, done: float, total: float | None) -> None:
    """Say how far a stage is, whose last step may be done in part.

    >>> report('image', 1, 3)  # nobody asked
    """
    if (callback := _callback.get()) is not None:
        callback(stage, done, total)


def tracked(items: Iterable[Item], stage: str, total: int | None = None) -> Iterator[Item]:
    """The items, one step each, reported when the next one is asked for.

    Args:
        items: What to go through. A loop that is left early ends the stage, too.
        stage: What a step is, such as 'image'.
        total: How many items there are; None: as many as ``len`` says, if it does.

    >>> with reporting(lambda *progress: print(*progress)):
    ...     letters = list(tracked('ab', 'letter'))
    letter 0 2
    letter 1 2
    letter 2 2
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    done = 0
    try:
        for item in items:
            report(stage, done, total)
            yield item
            done += 1
    finally:
        report(stage, done, done)


@contextmanager
def progress_bars(disable: bool | None = False) -> Iterator[None]:
    """Within, show a bar per stage on stderr, for as long as the stage takes.

    A terminal shows every step. A file, which may hold the bars of days, gets a line per minute.

    Args:
        disable: As tqdm has it; None: only on a terminal.

    >>> with progress_bars(disable=True):
    ...     letters = list(tracked('ab', 'letter'))
    """
    bars: dict[str, _Bar] = {}

    interval = 0.1 if sys.stderr.isatty() else 60  # seconds

    def show(stage: str, done: float, total: float | None) -> None:
        if stage not in bars:
            bars[stage] = _Bar(desc=stage, total=total, initial=done, disable=disable, **_BAR, mininterval=interval)
        bars[stage].n = done
        bars[stage].update(0)
        if done == total:
            bars.pop(stage).close()

    try:
        with reporting(show):
            yield
    finally:
        for bar in bars.values():
            bar.close()
