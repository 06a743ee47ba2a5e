"""``--cfg-options KEY=VALUE``: numbers, lists and dicts as MMEngine reads them, and names of files exactly as typed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

from mmpe.errors import InputError

_PICTURES = ('data_root', 'img_path')  # of which even None is a name
_FILES = re.compile(
    r'(data_root|img_path|load_from|network|checkpoint|pretrained|filename|.*_(dir|path|root|file|folder))'
)
_BRACKETS = {'(': ')', '[': ']', '{': '}'}


def read_option(text: str) -> tuple[str, Any]:
    """Read KEY=VALUE: the dotted key, and the value as :func:`parse_value` reads it.

    ``mmengine.DictAction`` removes spaces, splits names at commas and makes numbers of digits.

    >>> read_option('model.iters_per_scale=500')
    ('model.iters_per_scale', 500)
    """
    key, equals, value = text.partition('=')
    if not all(key.split('.')) or not equals:
        raise InputError(f'it takes KEY=VALUE, not {text!r}: put quotes around names with spaces')
    try:
        return key, parse_value(key, value)
    except RecursionError:
        raise InputError(f'the brackets of {key} are nested too deeply') from None


def parse_value(key: str, text: str) -> Any:
    """The value of a config key, as typed on a command line.

    A key that names a file or folder (``data_root``, ``*_path``, ``*_dir``, ``network``, ...) has the text itself.
    Other values are numbers, True, False, None, lists (``[1,2]`` or ``1,2``), tuples (``(1,2)``), dicts
    (``dict(a=1)`` or ``{'a': 1}``) and strings, with quotes or without.

    >>> parse_value('dataset.data_root', '[a, b].png'), parse_value('model.scales', '[(1,2),x]')
    ('[a, b].png', [(1, 2), 'x'])
    """
    name = key.rpartition('.')[2]
    if _FILES.fullmatch(name):
        text = text if os.path.lexists(text) else _unquoted(text)
        return None if text == 'None' and name not in _PICTURES else text
    return _parse(text.strip())


def _parse(text: str) -> Any:
    parts = list(_split(text, ','))
    if len(parts) > 1:
        return [_parse(part) for part in _without_end(parts)]
    if _unquoted(text) != text:
        return _unquoted(text)
    if text.startswith('dict(') and text.endswith(')'):
        return _parse_dict(text[5:-1], '=')
    inside = text[1:-1]
    if text[:1] in _BRACKETS and text.endswith(_BRACKETS[text[0]]):
        if text[0] == '{':
            return _parse_dict(inside, ':')
        values = [_parse(part) for part in _without_end(_split(inside, ','))]
        return tuple(values) if text[0] == '(' else values
    return _parse_scalar(text)


def _parse_dict(text: str, separator: str) -> dict:
    pairs = (list(_split(part, separator)) for part in _without_end(_split(text, ',')))
    keys = ((_unquoted(key), separator.join(value).strip()) for key, *value in pairs)
    return {key: parse_value(key, value) for key, value in keys}


def _parse_scalar(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return {'true': True, 'false': False}.get(text.lower(), None if text == 'None' else text)


def _split(text: str, separator: str) -> Iterator[str]:
    """The parts of a text between separators outside brackets and quotes. If these do not match, the whole text."""
    parts, opened, quote, before = [''], [], None, ','
    for character in text:
        if quote:
            quote = None if character == quote else quote
        elif character in '\'"' and before in ',=:([{':
            quote = character
        elif character in _BRACKETS:
            opened.append(_BRACKETS[character])
        elif opened and character == opened[-1]:
            opened.pop()
        elif character == separator and not opened:
            parts.append('')
            before = character
            continue
        parts[-1] += character
        before = character if character.strip() else before
    yield from [text.strip()] if opened or quote else [part.strip() for part in parts]


def _without_end(parts: Iterable[str]) -> list[str]:
    """Parts without the empty one that follows a comma at the end."""
    parts = list(parts)
    return parts[:-1] if parts[-1] == '' else parts


def _unquoted(text: str) -> str:
    return (
        text[1:-1] if len(text) > 1 and text[0] in '\'"' and text[0] == text[-1] and text[0] not in text[1:-1] else text
    )
