"""A lock that one process holds and that ends with it, however it ends."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from mmpe.errors import InputError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None


class Locked(InputError):
    """Another process holds the lock; the message says which."""


class ProcessLock:
    """A POSIX record lock on a file: a process's children do not inherit it, and no file has to be removed to end it.

    ``flock`` would live on in the workers of a data loader whose training process was killed.

    Args:
        path: The file; its folder must exist. It stays there, as removing it would race with the next holder.
    """

    def __init__(self, path: Path):
        self.path = path
        self._file: int | None = None

    def acquire(self) -> bool:
        """Take the lock.

        Returns:
            False if the file system has no locks.

        Raises:
            Locked: If another process holds it.
            OSError: If the file cannot be written.
        """
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, 'O_CLOEXEC', 0), 0o666)
        try:
            if fcntl is None:
                raise OSError('no locks on this system')
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            holder = os.read(file, 300).decode(errors='replace').strip()
            os.close(file)
            raise Locked(holder or 'another process') from None
        except OSError:
            os.close(file)
            return False
        os.ftruncate(file, 0)
        os.pwrite(file, f'process {os.getpid()} on {socket.gethostname()}\n'.encode(), 0)
        self._file = file
        return True

    def release(self) -> None:
        """Give it back, if it is held."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None
