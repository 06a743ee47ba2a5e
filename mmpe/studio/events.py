"""Server-sent events for all open pages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

_MOST_WAITING = 1000  # a page that does not read has gone
_PULSE = 15  # seconds; a proxy closes what is silent for longer


class Events:
    """Passes events on to the pages that listen. Any thread may publish.

    >>> Events().publish('model', model='rocket', version=2)  # nobody listens
    """

    def __init__(self):
        self._pages: dict[asyncio.Queue, asyncio.AbstractEventLoop] = {}

    def publish(self, event: str, **data: Any) -> None:
        """Send an event to all pages."""
        for queue, loop in list(self._pages.items()):
            loop.call_soon_threadsafe(_put, queue, _text(event, data))

    def close(self) -> None:
        """End all streams."""
        for queue, loop in list(self._pages.items()):
            loop.call_soon_threadsafe(_put, queue, None)

    async def stream(self) -> AsyncIterator[str]:
        """What one page is sent, from now on: ``hello``, then what is published."""
        queue: asyncio.Queue = asyncio.Queue(_MOST_WAITING)
        self._pages[queue] = asyncio.get_running_loop()
        try:
            yield _text('hello', {})
            while (text := await _next(queue)) is not None:
                yield text
        finally:
            del self._pages[queue]


async def _next(queue: asyncio.Queue) -> str | None:
    try:
        return await asyncio.wait_for(queue.get(), _PULSE)
    except TimeoutError:
        return ': still here\n\n'


def _text(event: str, data: dict) -> str:
    return f'event: {event}\ndata: {json.dumps(data)}\n\n'


def _put(queue: asyncio.Queue, text: str | None) -> None:
    if not queue.full():
        queue.put_nowait(text)
