"""Names of files: as they are typed, and as they are printed."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TextIO


def locate(name: str | os.PathLike) -> Path:
    """The path that a name stands for: exactly as typed. ``~`` is the home folder, unless a file is named so.

    >>> locate('a, [b].png').name
    'a, [b].png'
    """
    path = Path(name)
    if str(path).startswith('~') and not os.path.lexists(path):
        try:
            return path.expanduser()
        except RuntimeError:  # there is no such user
            return path
    return path


def printable(name: str | os.PathLike) -> str:
    r"""A name for messages, as one line of valid Unicode: control characters and bytes that are not UTF-8 are escaped.

    >>> printable(os.fsdecode(b'caf\xe9\n.png'))
    'caf\\xe9\\n.png'
    """
    return re.sub(r'[^ -~]', _escape, os.fspath(name))


def _escape(match: re.Match) -> str:
    character = match[0]
    if '\udc80' <= character <= '\udcff':  # a byte that is not UTF-8, as os.fsdecode writes it
        return f'\\x{ord(character) - 0xDC00:02x}'
    return character if character.isprintable() else character.encode('unicode-escape').decode()


def escape_unencodable(stream: TextIO) -> None:
    """Let a text stream escape what it cannot encode, where it would raise ``UnicodeEncodeError``.

    >>> import io
    >>> stream = io.TextIOWrapper(io.BytesIO(), encoding='ascii')
    >>> escape_unencodable(stream)
    >>> _ = stream.write('café')
    """
    if hasattr(stream, 'reconfigure') and getattr(stream, 'errors', None) != 'backslashreplace':
        stream.reconfigure(errors='backslashreplace')
