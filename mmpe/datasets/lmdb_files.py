"""Checks for LMDBs that are not complete: cut short, or being written by another process."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import lmdb

from mmpe.errors import InputError
from mmpe.names import printable

_LOOKS, _PAUSE = 4, 0.1  # seconds
_UNWRITTEN = 16  # pages at the end that a complete file may lack: LMDB leaves out those that were freed at once


def check_complete(environment: lmdb.Environment, path: Path) -> None:
    """Refuse an LMDB that was cut short: reading beyond the end of its file would end the process.

    Args:
        environment: The opened LMDB.
        path: The file, or its folder.

    Raises:
        InputError: If the file is shorter than its content.
    """
    size = _data_file(path).stat().st_size
    pages = environment.info()['last_pgno'] + 1
    page_size = environment.stat()['psize']
    if size < (pages - _UNWRITTEN) * page_size:
        raise InputError(
            f'the LMDB {printable(path)} is not complete: it has {size} of {pages * page_size} bytes; wait until it is '
            'copied, or copy it again'
        )


def check_not_open_for_writing(lmdb: ModuleType, path: Path) -> None:
    """Refuse an LMDB that another process has opened for writing.

    All processes that open an LMDB in the usual way hold a lock on its lock file, and readers write their number to it.
    Processes are not seen where Linux does not show their locks: on other systems, machines, and in other containers.

    Args:
        lmdb: The package ``lmdb``, which is optional.
        path: The file of the LMDB, or its folder.

    Raises:
        InputError: If a process that is not a reader has opened it.
    """
    writers = _holders_that_do_not_read(lmdb, path)
    for _ in range(_LOOKS - 1):
        if not writers:
            return
        time.sleep(_PAUSE)  # processes of one training, which look at the same time, are gone by then
        writers &= _holders_that_do_not_read(lmdb, path)
    if writers:
        raise InputError(
            f'the LMDB {printable(path)} is being written: process {min(writers)} has it open; wait until that has '
            'ended'
        )


def _holders_that_do_not_read(lmdb: ModuleType, path: Path) -> set[int]:
    holders = _holders(path / 'lock.mdb' if path.is_dir() else path.with_name(f'{path.name}-lock'))
    if not holders or os.getpid() in holders:  # LMDB does not allow a process to open one twice
        return set()
    try:
        with lmdb.open(os.fsencode(path), subdir=path.is_dir(), readonly=True, create=False) as environment:
            rows = environment.readers().splitlines()
    except lmdb.Error:  # such as a read-only file system, where nobody writes
        return set()
    return holders - {int(row.split()[0]) for row in rows if re.match(r' *\d', row)}


def version(transaction: lmdb.Transaction, path: Path) -> tuple[int, int]:
    """The number of the last change to an LMDB, and its file's number: they differ once it is changed or replaced."""
    return transaction.id(), _data_file(path).stat().st_ino


def _data_file(path: Path) -> Path:
    return path / 'data.mdb' if path.is_dir() else path


def _holders(file: Path) -> set[int]:
    """The processes that hold a POSIX lock on a file."""
    try:
        stat = file.stat()
        rows = [row.split() for row in Path('/proc/locks').read_text().splitlines()]
    except OSError:
        return set()
    inode = f'{os.major(stat.st_dev):02x}:{os.minor(stat.st_dev):02x}:{stat.st_ino}'
    return {int(row[4]) for row in rows if row[1] == 'POSIX' and row[5] == inode and int(row[4]) > 0}
