"""The files that a tool writes: its own earlier ones are replaced, all together, and other people's are not."""

from __future__ import annotations

import mmap
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmpe.errors import InputError
from mmpe.files import WriteError, check_output, check_writable, place
from mmpe.locks import Locked, ProcessLock
from mmpe.visualization import MADE_BY, made_by

_STAGING, _LOCK = '.mmpe-results-', '.lock'


def input_paths(*options: Any) -> list[Path]:
    """All existing files and folders that options or configs name, through any nesting.

    Args:
        *options (Any): Such as the options of a tool, without its outputs.
    """
    found = []
    for option in options:
        if isinstance(option, Mapping):
            found += input_paths(*option.values())
        elif isinstance(option, (list, tuple)):
            found += input_paths(*option)
        elif isinstance(option, (str, os.PathLike)):
            found += [Path(option)] if os.path.exists(option) else []
    return found


def input_files(*options: Any) -> list[Path]:
    """Those of :func:`input_paths` that are files."""
    return [path for path in input_paths(*options) if path.is_file()]


def is_marked(file: Path, tool: str = '') -> bool:
    """Whether mmpe, or a tool of it, says in a file that it has made it; see :func:`~mmpe.visualization.made_by`."""
    return contains(file, f'{MADE_BY} {tool}'.strip())


def contains(file: Path, text: str) -> bool:
    """Whether a text is somewhere in a file, which may be large."""
    with open(file, 'rb') as stream:
        if os.fstat(stream.fileno()).st_size == 0:
            return False
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(text.encode()) >= 0


def check_result(
    file: str | Path, inputs: Iterable[Path], overwrite: bool, is_own: Callable[[Path], bool] = is_marked, **options
) -> None:
    """Refuse an output file before the work is done.

    Args:
        file (str | Path): To write.
        inputs (Iterable[Path]): What the tool reads.
        overwrite (bool): Whether other people's files are replaced too.
        is_own (Callable[[Path], bool]): Whether an existing file is an earlier result.
        **options: Of :func:`~mmpe.files.check_output`.

    Raises:
        InputError: If it cannot be written, or is an input or somebody else's.
    """
    file = Path(file)
    check_output(file, inputs, **options)
    if not overwrite and file.is_file() and not is_own(file):
        raise InputError(
            f'{file} is there already, and this tool did not write it: '
            'choose another file or folder, or replace it with --overwrite'
        )


@dataclass(frozen=True)
class ResultFolder:
    """A folder to which a tool writes files of certain names.

    Attributes:
        tool (str): Its name, by which it knows its own files again.
        folder (Path): It is made when files are written.
        pattern (str): A regular expression for all names that the tool may write.
        inputs (Iterable[Path]): What the tool reads.
        overwrite (bool): Whether other people's files are replaced too.
        is_own (Callable[[Path], bool] | None): Whether an existing file of such a name is an earlier result; None:
            if it says so, see :func:`is_marked`.
    """

    tool: str
    folder: Path
    pattern: str
    inputs: Iterable[Path] = ()
    overwrite: bool = False
    is_own: Callable[[Path], bool] | None = None

    def check(self, will_write: Callable[[str], Any]) -> None:
        """Refuse what could not be written, before the work is done.

        Args:
            will_write (Callable[[str], Any]): Whether a file of that name, which fits ``pattern``, will be written.

        Raises:
            InputError: If the folder is no folder, or cannot be written to, or a file that is there cannot be
                replaced, or is an input or somebody else's.
        """
        check_writable(self.folder)
        for file in self._existing():
            if will_write(file.name):
                check_result(file, self.inputs, self.overwrite, self._is_own)

    @contextmanager
    def writing(self, keep: bool = False) -> Iterator[Path]:
        """Write a set of files elsewhere, then put all of them in their place and remove the rest of the earlier set.

        Args:
            keep (bool): Keep the rest of the earlier set.

        Yields:
            Path: The folder to write to meanwhile.

        Raises:
            InputError: As :meth:`check`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with _staging(self.folder) as staging, made_by(self.tool):
            try:
                yield staging
            except WriteError as error:
                file = self.folder / Path(error.filename).name
                raise WriteError(error.errno, error.strerror, str(file)) from error
            names = {file.name for file in staging.iterdir()} - {_LOCK}
            self.check(names.__contains__)
            stale = [] if keep else [file for file in self._own() if file.name not in names]
            for name in sorted(names):
                place(staging / name, self.folder / name)
            for file in stale:
                file.unlink()

    def _existing(self) -> list[Path]:
        """All that is there under names that the tool may write."""
        there = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        return [file for file in there if re.fullmatch(self.pattern, file.name)]

    def _own(self) -> Iterator[Path]:
        for file in self._existing():
            if file.is_file() and not file.is_symlink() and self._is_own(file):
                yield file

    def _is_own(self, file: Path) -> bool:
        return self.is_own(file) if self.is_own else is_marked(file, self.tool)


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A hidden folder in another, which the next process removes if this one is killed."""
    for old in folder.glob(f'{_STAGING}*'):
        _remove_left_over(old)
    staging = folder / f'{_STAGING}{secrets.token_hex(8)}'
    staging.mkdir()
    lock = ProcessLock(staging / _LOCK)
    try:
        lock.acquire()
        yield staging
    finally:
        lock.release()
        shutil.rmtree(staging, ignore_errors=True)


def _remove_left_over(staging: Path) -> None:
    lock = ProcessLock(staging / _LOCK)
    with suppress(Locked, OSError):
        if lock.acquire():
            shutil.rmtree(staging, ignore_errors=True)
    lock.release()
