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
    """A POSIX record lock on a file. It ends with its process, and child processes do not inherit it.

    ``flock`` would live on in the workers of a data loader whose training process was killed.

    Args:
        path: The file, in a folder that exists. It is never removed: that would race with the next holder.

    >>> lock = ProcessLock(Path('run.lock'))
    >>> lock.acquire()
    True
    >>> lock.release()
    """

    def __init__(self, path: Path):
        self.path = path
        self._file: int | None = None

    def acquire(self) -> bool:
        """Take the lock.

        Returns:
            False if the file system has no locks, and True otherwise.

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
        """Release the lock, if it is held."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None
