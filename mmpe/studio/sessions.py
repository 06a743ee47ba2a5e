"""A session as one file: what a page was doing, the files that it needs, and the model.

A zip of ``session.json`` (the page's own JSON, and the model's name), ``model.pth`` and ``files/NAME``.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import torch

from mmpe.apis.singan import finished_scales
from mmpe.errors import InputError
from mmpe.files import write_atomic

from .entries import Entry
from .library import Library

MOST_BYTES = 2**28
_MOST_JSON = 2**24
_MOST_FILES = 1000
_VERSION = 1
_NO_SESSION = 'this is not a session of mmpe studio'


def save_session(library: Library, entry: Entry, page: Any) -> bytes:
    """The file of a session.

    Args:
        library: With the files that the page names.
        entry: The model. Of one that is being trained, the finished scales are saved.
        page: JSON of the page. Each ``{"file": NAME}`` in it, at any depth, is packed.

    Raises:
        NotThere: If a file is not there.
    """
    names: list[str] = []
    _renamed(page, lambda name: names.append(name) or name)
    content, model = io.BytesIO(), io.BytesIO()
    torch.save(finished_scales(library.load(entry).checkpoint), model)
    record = dict(version=_VERSION, name=entry.name, page=page)
    with zipfile.ZipFile(content, 'w', zipfile.ZIP_DEFLATED) as file:
        file.writestr('session.json', json.dumps(record))
        file.writestr('model.pth', model.getvalue())
        for name in dict.fromkeys(names):
            file.writestr(f'files/{name}', library.uploads.file(name).read_bytes())
    return content.getvalue()


def open_session(library: Library, content: bytes) -> tuple[Entry, Any]:
    """Take a session into a library.

    Args:
        library: Where its files and its model are added.
        content: Of the file, which is data from outside: its model is read as any checkpoint, its pictures by mmpe's
            reader.

    Returns:
        The model, and the JSON of the page with the files' names in this library.

    Raises:
        InputError: If it is not the file of a session, or a part of it cannot be read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            _check_size(file)
            record = json.loads(file.read('session.json'))
            model = file.read('model.pth')
            pictures = {
                PurePosixPath(name).name: file.read(name) for name in file.namelist() if name.startswith('files/')
            }
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError, NotImplementedError, EOFError, OSError) as error:
        raise InputError(_NO_SESSION) from error
    if not isinstance(record, dict) or record.get('version') != _VERSION or not isinstance(record.get('name'), str):
        raise InputError(f'{_NO_SESSION}, or it is of a later version')
    names = {name: library.uploads.add_file(picture) for name, picture in pictures.items()}
    return _add_model(library, record['name'], model), _renamed(record.get('page'), lambda name: names.get(name, name))


def _check_size(file: zipfile.ZipFile) -> None:
    parts = file.infolist()
    if len(parts) > _MOST_FILES + 2 or sum(part.file_size for part in parts) > 2 * MOST_BYTES:
        raise InputError(f'{_NO_SESSION}: it unpacks to more than the studio takes')
    if file.getinfo('session.json').file_size > _MOST_JSON:
        raise InputError(f'{_NO_SESSION}: its session.json is too large')


def _add_model(library: Library, name: str, model: bytes) -> Entry:
    """The model of a session, which may be in the library already."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'session.pth'
        write_atomic(path, model)
        return library.add_checkpoint(path, name=name, copy=True)


def _renamed(node: Any, rename: Callable[[str], str]) -> Any:
    """JSON with other names of files."""
    if isinstance(node, dict):
        if set(node) == {'file'} and isinstance(node['file'], str):
            return dict(file=rename(node['file']))
        return {key: _renamed(value, rename) for key, value in node.items()}
    return [_renamed(value, rename) for value in node] if isinstance(node, list) else node
