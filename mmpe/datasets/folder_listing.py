"""The files below a folder, remembered from one start to the next as long as they do not change."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from mmengine.logging import print_log

from mmpe.caches import cache_folder
from mmpe.errors import InputError
from mmpe.files import write_atomic
from mmpe.names import printable

Found = TypeVar('Found')

_VERSION = 1  # of what is remembered and how: raise it when old files no longer say the same
_SECOND = 10**9  # nanoseconds
_TICK = _SECOND // 10  # more than the steps of any clock that does not count whole seconds


class FolderMemory:
    """Findings about the files and folders below a root, saved in mmpe's cache.

    A finding is valid as long as its file or folder has the same inode, size, and times of modification and of change.
    Programs can set the time of modification, but not that of change. Two changes can happen within one step of a file
    system's clock, so findings about what has just changed are not saved.

    Args:
        root: The folder.
        rules: A text of everything but the files that findings depend on, such as versions of libraries.
        kind: The name of this kind of findings. Each kind has a file of its own per folder.

    >>> memory = FolderMemory(Path('.').resolve(), rules='by size')
    >>> Path('a.png').write_bytes(b'1234')
    4
    >>> memory.recall('a.png', lambda path: Path(path).stat().st_size)
    4
    """

    def __init__(self, root: Path, rules: str, kind: str = 'listing'):
        self.root = root
        self._rules = [_VERSION, rules]
        name = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:32]
        self._file = cache_folder() / f'{kind}_{name}.json'
        self._known = self._read()
        self._prefix = os.path.join(root, '')
        self._found: dict[str, list] = {}

    def recall(self, name: str, find: Callable[[str], Found]) -> Found:
        """What ``find`` returns for a file or folder, or has returned, if nothing has changed since.

        Args:
            name: The path below the root. That of a folder ends with a slash.
            find: Takes the full path, and returns what JSON can hold.
        """
        path = f'{self._prefix}{name}'
        stat = _stat(path)
        state = stat and [stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
        entry = self._known.get(name)
        if entry is None or entry[0] != state:
            can_change_unseen = stat is None or _is_recent(stat) or not _keeps_times(stat.st_dev)
            entry = [state, find(path)]
            if can_change_unseen:
                return entry[1]
        self._found[name] = entry
        return entry[1]

    def save(self) -> None:
        """Save all findings that were asked for, and no others. If saving fails, the next start takes longer."""
        if self._found == self._known:
            return
        body = json.dumps(dict(rules=self._rules, root=printable(self.root), found=self._found), separators=(',', ':'))
        try:
            write_atomic(self._file, f'{_checksum(body)}\n{body}')
        except OSError as error:
            print_log(f'{printable(self.root)} will be listed again: {error}', 'current', logging.WARNING)

    def _read(self) -> dict[str, list]:
        try:
            checksum, _, body = self._file.read_text('ascii').partition('\n')
            if checksum != _checksum(body):
                raise ValueError('its checksum differs')
            content = json.loads(body)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError) as error:
            print_log(
                f'{self._file} is damaged ({error}): {printable(self.root)} is listed again', 'current', logging.WARNING
            )
            return {}
        return content['found'] if content['rules'] == self._rules else {}


def visible_and_hidden(memory: FolderMemory) -> Iterator[str]:
    """All paths below the root of a memory: of files, and of hidden folders, with a slash at the end.

    Hidden folders are not searched. Links are followed, but not in circles.

    Raises:
        InputError: If a folder cannot be listed.

    >>> Path('pictures/.thumbs').mkdir(parents=True)
    >>> Path('pictures/a.png').touch()
    >>> sorted(visible_and_hidden(FolderMemory(Path('pictures').resolve(), rules='')))
    ['.thumbs/', 'a.png']
    """
    seen, waiting = set(), ['']
    while waiting:
        inside = waiting.pop()
        real = os.path.realpath(os.path.join(memory.root, inside))
        if real in seen:  # a link back to where it lies would lead round for ever
            continue
        seen.add(real)
        folders, files, links = memory.recall(inside, _scan)
        linked = [link for link in links if os.path.isdir(os.path.join(memory.root, inside, link))]
        folders = sorted([*folders, *linked], reverse=True)
        yield from (f'{inside}{name}' for name in {*files, *links}.difference(linked))
        yield from (f'{inside}{name}/' for name in folders if name.startswith('.'))
        waiting += (f'{inside}{name}/' for name in folders if not name.startswith('.'))


def _scan(path: str) -> list[list[str]]:
    """The folders, files and links in a folder. The target of a link can change without a trace in the folder."""
    path = os.fspath(Path(path))  # without a slash at the end
    folders, files, links = [], [], []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                kind = links if entry.is_symlink() else folders if entry.is_dir(follow_symlinks=False) else files
                kind.append(entry.name)
    except OSError as error:
        raise InputError(f'{printable(path)} cannot be listed: {error.strerror}') from error
    return [folders, files, links]


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:  # such as a link to nothing
        return None


def _is_recent(stat: os.stat_result) -> bool:
    """Whether another change could have the same time as the last one."""
    whole_seconds = stat.st_ctime_ns % _SECOND == 0
    age = time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns)
    return age < (2 * _SECOND if whole_seconds else _TICK)


@lru_cache
def _keeps_times(device: int) -> bool:
    """Whether folders have times of their own. On FUSE, which may be an object store, they often do not."""
    number = f'{os.major(device)}:{os.minor(device)}' if hasattr(os, 'major') else ''
    try:
        mounts = Path('/proc/self/mountinfo').read_text(errors='replace').splitlines()
    except OSError:  # not on Linux
        return True
    kinds = [mount.partition(' - ')[2].split()[:1] for mount in mounts if mount.split()[2:3] == [number]]
    return not any(kind[0] == 'fuse' or kind[0].startswith('fuse.') for kind in kinds if kind)


def _checksum(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
