"""Keeping the files of earlier runs in a work dir apart from those of the run that trains there now."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from mmpe.errors import InputError
from mmpe.files import write_atomic

FOLDER = 'earlier_runs'
_MOVES = '.moves.json'
_CHECKPOINT = re.compile(r'(?:best_.+_)?(?:iter|epoch)_(\d+)\.pth|best_.+\.pth')
_RESULT = re.compile(r'last_checkpoint|result')
_LOGS = re.compile(r'\d{8}_\d{6}')
_KINDS = (_CHECKPOINT, _RESULT, _LOGS)
_PICTURES = 'pictures'  # a folder in which there may be other people's, too
_PICTURE = re.compile(rf'{_PICTURES}/(scale_\d+|samples_\d+x\d+|iter_\d+)\.png')


def files_of_a_run(work_dir: str | Path, but: str = '') -> list[str]:
    """The files and folders that an earlier run has written to a work dir.

    Args:
        work_dir: The work dir. Files in it that no run has written are left out.
        but: The name of the folder that the present run logs to.

    Returns:
        Their names. Empty if there is nothing but the logs of an attempt that failed.

    >>> Path('run').mkdir()
    >>> for name in ('iter_1.pth', 'last_checkpoint', 'my_notes.txt'):
    ...     (Path('run') / name).touch()
    >>> files_of_a_run('run')
    ['iter_1.pth', 'last_checkpoint']
    """
    names = _names(work_dir)
    pictures = [f'{_PICTURES}/{name}' for name in _names(Path(work_dir) / _PICTURES)] if _PICTURES in names else []
    pictures = [name for name in pictures if _PICTURE.fullmatch(name)]
    checkpoints, results, logs = ([name for name in names if kind.fullmatch(name)] for kind in _KINDS)
    logs = [name for name in logs if name != but]
    results += pictures
    return checkpoints + results + logs if checkpoints or (results and logs) else []


def is_of_a_run(name: str) -> bool:
    """Whether MMEngine or mmpe write a file or folder of this name to a work dir.

    >>> is_of_a_run('iter_100.pth'), is_of_a_run('my_notes.txt')
    (True, False)
    """
    return name == _PICTURES or any(kind.fullmatch(name) for kind in (*_KINDS, _PICTURE))


def checkpoints_after(work_dir: str | Path, iteration: int) -> list[str]:
    """The names of the checkpoints in a work dir that are later than an iteration.

    >>> Path('iter_1.pth').touch()
    >>> checkpoints_after('.', 0)
    ['iter_1.pth']
    """
    found = {name: _CHECKPOINT.fullmatch(name) for name in _names(work_dir)}
    return [name for name, match in found.items() if match and match[1] and int(match[1]) > iteration]


def set_aside(work_dir: str | Path, names: Iterable[str]) -> Path:
    """Move files to ``earlier_runs/N`` in a work dir. :func:`finish_moves` finishes a move that was cut short.

    Args:
        work_dir: The work dir, locked by this run.
        names: Files and folders of a run in it.

    Returns:
        The folder that they were moved to.

    >>> Path('iter_1.pth').touch()
    >>> set_aside('.', ['iter_1.pth']).as_posix()
    'earlier_runs/1'
    """
    earlier = Path(work_dir) / FOLDER
    numbers = [int(name) for name in _names(earlier) if name.isdigit()] if earlier.is_dir() else []
    folder = earlier / str(max(numbers, default=0) + 1)
    write_atomic(folder / _MOVES, json.dumps(sorted(names)))
    _move(folder)
    return folder


def finish_moves(work_dir: str | Path) -> None:
    """Finish the move that a killed process has begun: a work dir must not hold half of an earlier run.

    >>> finish_moves('.')
    """
    for moves in Path(work_dir).glob(f'{FOLDER}/*/{_MOVES}'):
        _move(moves.parent)


def _move(folder: Path) -> None:
    work_dir = folder.parent.parent
    for name in _names_to_move(folder / _MOVES):
        source = work_dir / name
        if source.is_symlink() or source.exists():
            try:
                (folder / name).parent.mkdir(exist_ok=True)
                source.rename(folder / name)
            except OSError as error:
                raise InputError(
                    f'{source}, of an earlier run, cannot be moved to {folder}: {error.strerror}; '
                    'move it by hand, or give another work dir'
                ) from error
    (folder / _MOVES).unlink()


def _names_to_move(moves: Path) -> list[str]:
    """The names in the list of a move. Names that no run writes are dropped, whatever the list says."""
    try:
        names = json.loads(moves.read_text())
        return [name for name in names if is_of_a_run(name)]
    except (ValueError, TypeError) as error:
        raise InputError(f'{moves} cannot be read: remove it') from error


def _names(folder: str | Path) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir()) if Path(folder).is_dir() else []
