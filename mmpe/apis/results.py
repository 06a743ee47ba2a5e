"""The files that a tool writes. It replaces its own earlier files, all together, and no others."""

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
    """All existing files and folders that options or configs name, at any depth.

    Args:
        *options: Options of a tool, without its outputs, or configs.

    >>> Path('a.jpg').touch()
    >>> input_paths(dict(data_root='a.jpg', size=256), 'missing.jpg')
    [PosixPath('a.jpg')]
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
    """The files of :func:`input_paths`, without folders.

    >>> Path('a.jpg').touch()
    >>> input_files('a.jpg', '.')
    [PosixPath('a.jpg')]
    """
    return [path for path in input_paths(*options) if path.is_file()]


def is_marked(file: Path, tool: str = '') -> bool:
    """Whether a file says that mmpe, or one tool of it, has made it: see :func:`~mmpe.visualization.made_by`.

    >>> from PIL import Image
    >>> from mmpe.visualization import write_picture
    >>> with made_by('sample'):
    ...     write_picture(Image.new('RGB', (3, 4)), 'sample.png')
    >>> is_marked(Path('sample.png'), 'sample'), is_marked(Path('sample.png'), 'audit')
    (True, False)
    """
    return contains(file, f'{MADE_BY} {tool}'.strip())


def contains(file: Path, text: str) -> bool:
    """Whether a text is somewhere in a file, which may be large.

    >>> _ = Path('a.txt').write_text('some text')
    >>> contains(Path('a.txt'), 'text')
    True
    """
    with open(file, 'rb') as stream:
        if os.fstat(stream.fileno()).st_size == 0:
            return False
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(text.encode()) >= 0


def check_result(
    file: str | Path, inputs: Iterable[Path], overwrite: bool, is_own: Callable[[Path], bool] = is_marked, **options
) -> None:
    """Refuse an output file that must not be written, before any work is done.

    Args:
        file: The file to write.
        inputs: The files that the tool reads.
        overwrite: Whether files that the tool has not made are replaced as well.
        is_own: Tells whether an existing file is an earlier result of the tool.
        **options: More arguments of :func:`~mmpe.files.check_output`.

    Raises:
        InputError: If the file cannot be written, is an input, or was not made by the tool.

    >>> check_result('result.png', inputs=[], overwrite=False)
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
        tool: The name of the tool, by which it recognizes its own files.
        folder: The folder. It is made when files are written.
        pattern: A regular expression for all names that the tool may write.
        inputs: The files that the tool reads.
        overwrite: Whether files that the tool has not made are replaced as well.
        is_own: Tells whether an existing file with such a name is an earlier result. None: see :func:`is_marked`.

    >>> results = ResultFolder('sample', Path('samples'), r'sample_\\d+\\.txt')
    >>> with results.writing() as folder:
    ...     _ = (folder / 'sample_0.txt').write_text('0')
    >>> sorted(Path('samples').glob('*.txt'))
    [PosixPath('samples/sample_0.txt')]
    """

    tool: str
    folder: Path
    pattern: str
    inputs: Iterable[Path] = ()
    overwrite: bool = False
    is_own: Callable[[Path], bool] | None = None

    def check(self, will_write: Callable[[str], Any]) -> None:
        """Refuse files that must not be written, before any work is done.

        Args:
            will_write: Tells whether a file of a name, which fits ``pattern``, will be written.

        Raises:
            InputError: If the folder cannot be written to, or an existing file cannot be replaced, is an input, or was
                not made by the tool.
        """
        check_writable(self.folder)
        for file in self._existing():
            if will_write(file.name):
                check_result(file, self.inputs, self.overwrite, self._is_own)

    @contextmanager
    def writing(self, keep: bool = False) -> Iterator[Path]:
        """Within, write a set of files to a hidden folder. At the end all of them replace the earlier set at once.

        Args:
            keep: Whether earlier files with other names are kept.

        Yields:
            The folder to write to.

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
        """Everything in the folder that has a name which the tool may write."""
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
    """Within, a hidden folder in a folder. If this process is killed, the next one removes it."""
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
