"""Draws one operation at a time, drops what a page no longer wants, and caches the last results."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

from mmpe.editing import Animation, Edited
from mmpe.errors import InputError, is_out_of_memory, reason
from mmpe.progress import Callback, reporting
from mmpe.visualization import encode_picture, made_by, to_picture

Made = Edited | Animation
Found = TypeVar('Found')

_MOST_WAITING = 64
_MOST_KEPT = 2**26  # numbers of images
_LOOK = 0.1  # seconds


class Dropped(Exception):
    """A drawing that nobody waits for any more."""


class Ticket:
    """What says whether a drawing is still wanted; asked between its images.

    Args:
        quick: Whether it is drawn to the end once it has begun, though something newer waits: while a pointer moves,
            nothing would ever be seen otherwise.
    """

    def __init__(self, quick: bool = False):
        self.quick, self.has_begun, self.reason = quick, False, ''

    def supersede(self) -> None:
        """Drop it for something newer."""
        if not (self.quick and self.has_begun):
            self.drop('superseded')

    def drop(self, reason: str) -> None:
        """Drop it, for a reason that a page is told."""
        self.reason = self.reason or reason

    def check(self) -> None:
        """Leave the drawing, if it was dropped.

        >>> ticket = Ticket()
        >>> ticket.check()
        >>> ticket.supersede()
        >>> ticket.check()
        Traceback (most recent call last):
        mmpe.studio.drawing.Dropped: superseded
        """
        if self.reason:
            raise Dropped(self.reason)


class Drawer:
    """Draws in one thread.

    A page has one drawing at a time: the next one takes the place of the one before, if that waits or takes long.
    """

    def __init__(self):
        self._thread = ThreadPoolExecutor(1, 'drawing')
        self._of_page: dict[str, Ticket] = {}
        self._tickets: set[Ticket] = set()

    async def draw(
        self,
        work: Callable[[], Found],
        request: Request,
        page: str = '',
        quick: bool = False,
        progress: Callback | None = None,
    ) -> Found:
        """What ``work`` returns, in the thread; dropped when the browser goes away.

        Args:
            work: It reports its progress, and is left when it does so after it was dropped.
            request: Of the browser.
            page: Whose next drawing takes the place of this one; empty: none does.
            quick: See :class:`Ticket`.
            progress: Takes the reports as well.

        Raises:
            HTTPException: 409, if it was dropped, or too many drawings wait.
        """
        if len(self._tickets) >= _MOST_WAITING:
            raise HTTPException(409, 'the studio is busy drawing: try again in a moment')
        ticket = Ticket(quick)
        if page:
            if page in self._of_page:
                self._of_page[page].supersede()
            self._of_page[page] = ticket
        self._tickets.add(ticket)
        done = asyncio.get_running_loop().run_in_executor(self._thread, partial(_draw, work, ticket, progress))
        try:
            while not done.done():
                await asyncio.wait({done}, timeout=_LOOK)
                if not done.done() and await request.is_disconnected():
                    ticket.drop('the browser has gone')
            return await done
        except Dropped as dropped:
            raise HTTPException(409, str(dropped)) from None
        finally:
            ticket.drop('the browser has gone')  # if this handler itself was cancelled
            self._tickets.remove(ticket)
            if self._of_page.get(page) is ticket:
                del self._of_page[page]

    def drop(self, page: str, reason: str) -> None:
        """Drop the drawing of a page, if it has one."""
        if page in self._of_page:
            self._of_page[page].drop(reason)

    def drop_all(self) -> None:
        """Drop all drawings, as the studio is closing."""
        for ticket in list(self._tickets):
            ticket.drop('the studio is closing')

    def close(self) -> None:
        """Drop all drawings, and wait for the thread."""
        self.drop_all()
        self._thread.shutdown(cancel_futures=True)


def _draw(work: Callable[[], Found], ticket: Ticket, progress: Callback | None) -> Found:
    def report(stage: str, done: int, total: int | None) -> None:
        ticket.check()
        if progress:
            progress(stage, done, total)

    ticket.check()
    ticket.has_begun = True
    with reporting(report):
        try:
            return work()
        except Exception as error:
            if is_out_of_memory(error):
                raise InputError(reason(error)) from error
            raise


class Results:
    """The last results, by what they were made of, as long as they are not too large together.

    >>> results = Results()
    >>> results.get('an operation') is None
    True
    """

    def __init__(self, most: int = _MOST_KEPT):
        self._most, self._kept = most, OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Made | None:
        """A result, if it is kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: Hashable, made: Made) -> None:
        """Keep a result, and forget the oldest ones."""
        with self._lock:
            self._kept[key] = made
            self._kept.move_to_end(key)
            while sum(map(_numbers, self._kept.values())) > self._most and len(self._kept) > 1:
                self._kept.popitem(last=False)


def images_of(made: Made):
    """(N, 3, H, W)."""
    return made.frames if isinstance(made, Animation) else made.images


def _numbers(made: Made) -> int:
    return images_of(made).numel()


def png(made: Made, number: int, quick: bool = False) -> bytes:
    """An image of a result, as the file that ``mmpe edit`` writes; ``quick``: larger, and written faster.

    Raises:
        HTTPException: 404, if there is no such image.
    """
    images = images_of(made)
    if not 0 <= number < len(images):
        raise HTTPException(404, f'there is no image {number}: there are {len(images)}')
    with made_by('edit'):
        return encode_picture(to_picture(images[number]), 'image.png', **(dict(compress_level=1) if quick else {}))
