"""Pictures of a folder, written to an LMDB once, at the size that a data set trains on."""

from __future__ import annotations

import io
import itertools
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from mmpe.datasets import PictureError, PictureFolder
from mmpe.datasets.picture_files import MAX_PIXELS, REDUCING_GAP
from mmpe.errors import InputError
from mmpe.files import check_output
from mmpe.names import locate, printable
from mmpe.numbers import check_whole
from mmpe.progress import tracked

from .results import ResultFolder

FORMATS = dict(webp=dict(lossless=True, method=0, quality=75), png=dict(compress_level=1), bmp={})
"""Options with which Pillow saves; all formats are lossless, and bmp is not compressed."""

MOST_WORKERS = 1024
_LARGEST_WEBP = 16383  # pixels per side
_LONGEST_KEY = 511  # bytes, as LMDB is usually built
_AT_ONCE = 256  # pictures that are written in one transaction
_FIRST_MAP = 2**24  # bytes that the file may have at first


@dataclass
class Prepared:
    """The result of :func:`prepare`.

    Attributes:
        num_pictures: How many pictures were written.
        left_out: Messages about the pictures that could not be read.
    """

    num_pictures: int = 0
    left_out: list[str] = field(default_factory=list)


def prepare(
    data_root: str | Path,
    out: str | Path,
    size: int,
    format: str = 'webp',
    workers: int = 0,
    skip_unreadable: bool = False,
    max_pixels: int = MAX_PIXELS,
    reducing_gap: float | None = REDUCING_GAP,
    overwrite: bool = False,
) -> Prepared:
    """Write pictures at one size to an LMDB, as a :class:`~mmpe.datasets.PictureFolder` of that size reads them.

    A data set of that size reads the same tensors from the LMDB, to the bit and in the same order. It does not have to
    decode large pictures, nor to resize them. The file appears when it is complete.

    Args:
        data_root: The pictures: see :class:`~mmpe.datasets.PictureFolder`, also for ``size``, ``max_pixels`` and
            ``reducing_gap``.
        out: The file to write, ``*.lmdb`` or ``*.mdb``.
        format: The format of the pictures. 'webp' is the smallest, 'png' the most widely read, and 'bmp' the fastest to
            read.
        workers: How many processes read, resize and encode. 0: this process does.
        skip_unreadable: Whether pictures that cannot be read are left out. Otherwise the first one is an error.
        overwrite: Whether an existing file is replaced.

    Raises:
        InputError: If there are no pictures, one cannot be read, a number is out of its range, or the file exists, is
            in the folder of the pictures, or cannot be written.

    >>> prepare('skimage://lfw_subset', 'faces.lmdb', size=16).num_pictures
    100
    """
    out = Path(out)
    if format not in FORMATS:
        raise InputError(f'format={format!r} cannot work: it must be one of {", ".join(FORMATS)}')
    check_whole(0, MOST_WORKERS, workers=workers)
    lmdb = _import_lmdb()
    results = _check_out(out, locate(data_root), overwrite)
    dataset = PictureFolder(data_root, size, max_pixels=max_pixels, reducing_gap=reducing_gap)
    if format == 'webp' and size > _LARGEST_WEBP:
        raise InputError(
            f'size={size} cannot work: WebP has at most {_LARGEST_WEBP} pixels per side; choose png or bmp'
        )
    prepared = Prepared()
    # started before the file is open, which must not pass from one process to another
    encoded = iter(DataLoader(_Encoded(dataset, format), None, num_workers=workers, generator=torch.Generator()))
    with results.writing(keep=True) as folder, _writing(lmdb, folder / out.name, out) as database:
        pictures = _readable(tracked(encoded, 'picture', len(dataset)), skip_unreadable, prepared)
        while batch := list(itertools.islice(pictures, _AT_ONCE)):
            _put(lmdb, database, batch)
            prepared.num_pictures += len(batch)
        if not prepared.num_pictures:
            raise InputError(f'none of the {len(dataset)} pictures in {printable(data_root)} can be read')
    return prepared


class _Encoded(Dataset):
    """(key, content) of all pictures of a data set. The content of a picture that cannot be read is the error."""

    def __init__(self, pictures: PictureFolder, format: str):
        self.pictures, self.format = pictures, format

    def __len__(self) -> int:
        return self.pictures.num_pictures

    def __getitem__(self, number: int) -> tuple[bytes, bytes | PictureError]:
        if not 0 <= number < len(self):
            raise IndexError(number)
        # LMDB sorts by bytes, the data set by names: the number first keeps the order
        suffix = f'.{self.format}'.encode()
        key = f'{number:08}-'.encode() + os.fsencode(self.pictures.pictures.names[number])
        key = key[: _LONGEST_KEY - len(suffix)] + suffix
        try:
            picture = self.pictures.read(number)
        except PictureError as error:
            return key, error
        stream = io.BytesIO()
        picture.save(stream, self.format, **FORMATS[self.format])
        return key, stream.getvalue()


def _readable(encoded: Iterable, skip_unreadable: bool, prepared: Prepared) -> Iterator[tuple[bytes, bytes]]:
    for key, content in encoded:
        if not isinstance(content, PictureError):
            yield key, content
        elif skip_unreadable:
            prepared.left_out.append(str(content))
        else:
            raise InputError(f'{content}; remove it, or leave such pictures out with --skip-unreadable') from content


def _check_out(out: Path, data_root: Path, overwrite: bool) -> ResultFolder:
    check_output(out, [data_root], suffixes=('.lmdb', '.mdb'))
    source = Path(os.path.realpath(data_root))
    if source.is_dir() and source in Path(os.path.realpath(out)).parents:
        raise InputError(
            f'{out} cannot be written: it is in the folder of the pictures, {printable(data_root)}; write it elsewhere'
        )
    if out.exists() and not overwrite:
        raise InputError(f'{out} is there already: choose another file, or replace it with --overwrite')
    return ResultFolder('prepare', out.parent, re.escape(out.name), [data_root], overwrite)


@contextmanager
def _writing(lmdb: ModuleType, part: Path, out: Path):
    """Within, an LMDB to write to. At the end it is on the disk."""
    try:
        options = dict(subdir=False, lock=False, sync=False, map_size=_FIRST_MAP)
        with lmdb.open(os.fsencode(part), **options) as database:
            yield database
            database.sync(True)
    except lmdb.Error as error:  # of a full disk it says "Input/output error"
        free = shutil.disk_usage(part.parent).free / 2**20
        raise InputError(
            f'{out} cannot be written: {error}; {free:.0f} MiB are free there, and what was there before is kept'
        ) from error


def _put(lmdb: ModuleType, database: Any, batch: list[tuple[bytes, bytes]]) -> None:
    while True:
        try:
            with database.begin(write=True) as transaction:
                for key, content in batch:
                    transaction.put(key, content, append=True)
            return
        except lmdb.MapFullError:
            database.set_mapsize(2 * database.info()['map_size'])


def _import_lmdb() -> ModuleType:
    try:
        import lmdb
    except ImportError as error:
        raise InputError("writing an LMDB needs another package: pip install 'mmpe[lmdb]'") from error
    return lmdb
