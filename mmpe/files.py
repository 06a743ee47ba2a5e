"""Writing files whole or not at all, and refusing outputs that cannot, or must not, be written.

Every file that mmpe writes goes through :func:`atomic`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmpe.errors import InputError

_PART = '.mmpe-part-'
_LONGEST_NAME, _LONGEST_SUFFIX = 200, 16  # bytes, characters; file systems take 255 bytes


class WriteError(OSError):
    """A file could not be written."""

    def __str__(self) -> str:
        return f'{self.filename} cannot be written: {self.strerror}; what was there before is kept'


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Replace a file once its new content is complete. If writing fails, the earlier file stays.

    Symbolic links are followed, and missing folders are made. An existing file keeps its permissions. A new one gets
    those of the umask. Devices and pipes, such as ``/dev/stdout``, are written at the end.

    Args:
        path: The file to replace.

    Yields:
        The path to write to within. Its name has the same extension.

    Raises:
        WriteError: If the file cannot be written.

    >>> with atomic('numbers.txt') as part:
    ...     _ = part.write_text('1 2 3')
    >>> Path('numbers.txt').read_text()
    '1 2 3'
    """
    path = Path(path)
    part = None
    try:
        folder = _part_folder(path)
        name = path.name if len(os.fsencode(path.name)) <= _LONGEST_NAME else path.suffix[:_LONGEST_SUFFIX]
        part = folder / f'{_PART}{secrets.token_hex(8)}-{name}'
        yield part
        _flush(part)
        place(part, path)
    except OSError as error:
        raise WriteError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        if part is not None:
            with suppress(OSError):
                part.unlink()


def write_atomic(path: str | Path, content: str | bytes) -> None:
    """Write a text as UTF-8, or bytes, in one step: see :func:`atomic`.

    >>> write_atomic('numbers.txt', '1 2 3')
    >>> Path('numbers.txt').read_text()
    '1 2 3'
    """
    with atomic(path) as part:
        # names of files may be in a text, and are not always UTF-8
        part.write_bytes(content.encode('utf-8', 'surrogateescape') if isinstance(content, str) else content)


def place(finished: Path, path: Path) -> None:
    """Move a finished file to its place, in one step if both are on one file system: see :func:`atomic`.

    >>> write_atomic('part.txt', '1 2 3')
    >>> place(Path('part.txt'), Path('numbers.txt'))
    """
    if _is_special(path):
        with open(finished, 'rb') as source, open(path, 'wb') as device:
            shutil.copyfileobj(source, device)
        return
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError('it is a symbolic link to itself')
    if finished.parent.stat().st_dev != target.parent.stat().st_dev:
        with atomic(target) as part:
            shutil.copyfile(finished, part)
        return
    with suppress(FileNotFoundError):
        _adopt_permissions(finished, target)
    os.replace(finished, target)


def remove_parts(folder: Path) -> None:
    """Remove the half-written files of killed processes. No other process may be writing to the folder.

    >>> remove_parts(Path('.'))
    """
    for part in folder.glob(f'{_PART}*'):
        with suppress(OSError):
            part.unlink()


def check_writable(folder: str | Path) -> None:
    """Refuse a folder that cannot be written to, before any work is done. The folder is not made.

    Raises:
        InputError: If a file is in the way, or permission is missing.

    >>> check_writable('results')
    """
    folder = Path(folder)
    existing = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not existing.is_dir():
        what = 'a file' if existing.exists() else 'a symbolic link to nothing'
        raise InputError(f'{folder} cannot be written: {existing} is {what}')
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f'{folder} cannot be written: no permission to write to {existing}')


def check_output(path: str | Path, inputs: Iterable[str | Path] = (), suffixes: Collection[str] = ()) -> None:
    """Refuse an output file that cannot, or must not, be written, before any work is done. The file is not made.

    Args:
        path: The file to write.
        inputs: Files that are read. The output must be none of them, by whatever path.
        suffixes: Extensions that are accepted, in lower case. Empty: all are.

    Raises:
        InputError: If the path is a folder, a read-only file or an input, or has another extension.

    >>> check_output('table.txt', suffixes=['.csv', '.json'])
    Traceback (most recent call last):
    mmpe.errors.InputError: table.txt cannot be written: its name must end in .csv or .json
    """
    path = Path(path)
    for given in inputs:
        if _same_file(path, given):
            what = 'the input itself' if str(path) == str(given) else f'the same file as the input {given}'
            raise InputError(f'{path} cannot be written: it is {what}; write to another file')
    if path.is_dir():
        raise InputError(f'{path} cannot be written: it is a folder; give the path of a file')
    if suffixes and path.suffix.lower() not in suffixes:
        raise InputError(f'{path} cannot be written: its name must end in {" or ".join(sorted(suffixes))}')
    if _is_special(path):
        return
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise InputError(f'{path} cannot be written: it is a symbolic link to itself')
    if target.exists() and not _has_write_permission(target):
        raise InputError(f'{path} cannot be written: the file is read-only')
    check_writable(target.parent)


def _part_folder(path: Path) -> Path:
    """Where the file is written meanwhile: beside the file itself, if that can be replaced."""
    if path.is_dir():
        raise IsADirectoryError('it is a folder')
    if _is_special(path):
        return Path(tempfile.gettempdir())
    target = Path(os.path.realpath(path))
    if target.exists() and not _has_write_permission(target):
        raise PermissionError('the file is read-only')
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.parent


def _flush(file: Path) -> None:
    """Have the content on the disk before a name points to it."""
    with open(file, 'rb') as stream:
        os.fsync(stream.fileno())


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _has_write_permission(file: Path) -> bool:
    """Renaming would replace a file that its owner has protected, and root may write to any."""
    return bool(file.stat().st_mode & 0o222) and os.access(file, os.W_OK)


def _adopt_permissions(new: Path, old: Path) -> None:
    before, now = old.stat(), new.stat()
    if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
        with suppress(OSError, AttributeError):  # only root may give files away
            os.chown(new, before.st_uid, before.st_gid)
    os.chmod(new, stat.S_IMODE(before.st_mode))


def _same_file(one: str | Path, other: str | Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return False
