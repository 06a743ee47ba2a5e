"""One run at a time in a work dir."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log

from mmpe.errors import InputError
from mmpe.locks import Locked, ProcessLock

_FILE = '.run.lock'
_held: dict[tuple[int, str], RunLock] = {}  # by process, as forked children inherit the dict but not the locks


class RunLock:
    """The right of this process to train in a work dir: see :class:`~mmpe.locks.ProcessLock`.

    A process that takes the lock twice shares it with itself. Of several processes, the first one takes it for all.

    Args:
        work_dir: The work dir. Missing folders are made when the lock is taken.

    >>> lock = RunLock.take('work_dirs/mine')
    >>> lock.give_back()
    """

    def __init__(self, work_dir: str | Path):
        self.work_dir = Path(work_dir)
        self._lock = ProcessLock(self.work_dir / _FILE)
        self._owners = 0

    @staticmethod
    def take(work_dir: str | Path) -> RunLock:
        """Take the lock, or share the one that this process has. Every call needs one of :meth:`give_back`.

        Raises:
            InputError: If another run has the lock. All processes of this run raise it.
        """
        problem = [None]
        lock = _held.get(_key(work_dir)) or RunLock(work_dir)
        if is_main_process() and not lock._owners:
            try:
                lock._acquire()
            except InputError as error:
                problem = [str(error)]
        broadcast_object_list(problem)
        if problem[0]:
            raise InputError(problem[0])
        lock._owners += 1
        _held[_key(work_dir)] = lock
        return lock

    def give_back(self) -> None:
        """Release the lock, if nobody in this process needs it any more."""
        self._owners -= 1
        if self._owners == 0:
            _held.pop(_key(self.work_dir), None)
            self._lock.release()

    def _acquire(self) -> None:
        self.work_dir.mkdir(parents=True, exist_ok=True)
        try:
            if not self._lock.acquire():
                print_log(f'{self.work_dir} is on a file system without locks: start no other run there', 'current')
        except Locked as error:
            raise _refusal(self.work_dir, error) from None


@contextmanager
def locked(work_dir: str | Path) -> Iterator[None]:
    """Within, hold the lock of a work dir: see :meth:`RunLock.take`.

    >>> with locked('work_dirs/mine'):
    ...     check_free('work_dirs/mine')  # of other processes
    """
    lock = RunLock.take(work_dir)
    try:
        yield
    finally:
        lock.give_back()


def check_free(work_dir: str | Path) -> None:
    """Refuse a work dir in which another process trains. Nothing is written.

    Raises:
        InputError: If another process holds the lock.

    >>> check_free('work_dirs/mine')
    """
    file = Path(work_dir) / _FILE
    if not file.is_file() or _key(work_dir) in _held:
        return
    lock = ProcessLock(file)
    try:
        lock.acquire()
    except Locked as error:
        raise _refusal(work_dir, error) from None
    except OSError:  # then the run itself will say so
        return
    lock.release()


def is_free(work_dir: str | Path) -> bool:
    """Whether no other process trains in a work dir: see :func:`check_free`.

    >>> is_free('work_dirs/mine')
    True
    """
    try:
        check_free(work_dir)
    except InputError:
        return False
    return True


def _refusal(work_dir: str | Path, holder: Locked) -> InputError:
    return InputError(f'another run is training in {work_dir} ({holder}): wait for it, or give another work dir')


def _key(work_dir: str | Path) -> tuple[int, str]:
    return os.getpid(), os.path.realpath(work_dir)
