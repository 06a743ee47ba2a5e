"""What a file says about the tool that has made it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from PIL.PngImagePlugin import PngInfo

MADE_BY = 'made by mmpe'
_maker = ContextVar('maker', default=MADE_BY)


@contextmanager
def made_by(tool: str) -> Iterator[None]:
    """Within, every file says ``made by mmpe TOOL``, by which the tool recognizes its own files later.

    >>> with made_by('sample'):
    ...     maker()
    'made by mmpe sample'
    """
    token = _maker.set(f'{MADE_BY} {tool}')
    try:
        yield
    finally:
        _maker.reset(token)


def maker() -> str:
    """The text that files are marked with now: see :func:`made_by`.

    >>> maker()
    'made by mmpe'
    """
    return _maker.get()


def mark(picture_format: str) -> dict:
    """Options of Pillow's ``save`` that mark a file, empty for a format that has no place for a text."""
    if picture_format == 'PNG':
        info = PngInfo()
        info.add_text('Software', maker())
        return dict(pnginfo=info)
    names = dict(GIF='comment', WEBP='xmp')
    return {names[picture_format]: maker().encode()} if picture_format in names else {}
