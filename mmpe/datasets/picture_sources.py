"""Where many pictures come from: a folder, an LMDB, or scikit-image."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from mmpe.errors import InputError

from .pictures import SKIMAGE, open_picture

EXTENSIONS = ('.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp')


def find_pictures(data_root: str) -> FolderOfFiles | Lmdb | SkimageFaces:
    """The pictures of ``data_root``: an object with their ``names``, and ``read(number)`` that gives RGB.

    Args:
        data_root (str): A folder, an LMDB (a file ``*.lmdb`` or ``*.mdb``, or a folder with ``data.mdb``), or
            ``skimage://lfw_subset``.

    Raises:
        InputError: If it is none of these, or holds no picture.
    """
    if not isinstance(data_root, (str, Path)) or not str(data_root):
        raise InputError(f'data_root must be the path of a folder of pictures or of an LMDB, got {data_root!r}')
    if str(data_root).startswith(SKIMAGE):
        return SkimageFaces(str(data_root)[len(SKIMAGE) :])
    root = Path(data_root)
    if not root.exists():
        raise InputError(f'there is no folder of pictures at {root}: set data_root to one, or to an LMDB')
    if (root / 'data.mdb').is_file() or (root.is_file() and root.suffix.lower() in ('.lmdb', '.mdb')):
        return Lmdb(root)
    if root.is_file():
        raise InputError(f'data_root {root} is a file: set it to a folder of pictures, or to an LMDB (*.lmdb)')
    return FolderOfFiles(root)


class FolderOfFiles:
    """All pictures below a folder, in the order of their names, which is the same on every machine.

    Links are followed; files and folders whose name starts with a dot are left out.
    """

    def __init__(self, root: Path):
        self.root = root
        self.names = sorted(_picture_names(root))
        if not self.names:
            raise InputError(f'there are no pictures in {root}, nor below: looked for {", ".join(EXTENSIONS)}')

    def read(self, number: int) -> Image.Image:
        return open_picture(self.root / self.names[number])


class Lmdb:
    """An LMDB whose every value is an encoded picture, whatever its key; in the order of the keys."""

    def __init__(self, root: Path):
        self.root = root
        with self._reading() as transaction, transaction.cursor() as cursor:
            self.keys = list(cursor.iternext(values=False))
        if not self.keys:
            raise InputError(f'the LMDB {root} is empty')

    @property
    def names(self) -> list[str]:
        return [_text(key) for key in self.keys]

    def read(self, number: int) -> Image.Image:
        key = self.keys[number]
        with self._reading() as transaction:
            return open_picture(transaction.get(key), f'{_text(key)} of {self.root}')

    @contextmanager
    def _reading(self):
        """A transaction.

        Opened for each picture, as a file would be: an environment must neither pass from one process to another, nor
        be opened twice in one.
        """
        lmdb = _import_lmdb(self.root)
        options = dict(subdir=self.root.is_dir(), readonly=True, create=False, lock=False, readahead=False)
        try:
            environment = lmdb.open(str(self.root), **options)
        except lmdb.Error as error:
            raise InputError(f'{self.root} cannot be read as an LMDB: {error}') from error
        with environment, environment.begin() as transaction:
            yield transaction


class SkimageFaces:
    """The 100 faces of ``skimage.data.lfw_subset``, grey, 25 x 25; its other half shows no faces."""

    def __init__(self, name: str):
        if name != 'lfw_subset':
            raise InputError(f'scikit-image has no set of pictures {name!r}; it has lfw_subset')
        import skimage.data

        self.faces = np.round(skimage.data.lfw_subset()[:100] * 255).astype(np.uint8)
        self.names = [f'lfw_subset {i}' for i in range(len(self.faces))]

    def read(self, number: int) -> Image.Image:
        return Image.fromarray(self.faces[number]).convert('RGB')


def _picture_names(root: Path) -> Iterator[str]:
    seen = set()
    for folder, folders, files in os.walk(root, onerror=_refuse, followlinks=True):
        real = os.path.realpath(folder)
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith('.'))
        if real in seen:  # a link back to where it lies would lead round for ever
            continue
        seen.add(real)
        for name in files:
            if name.lower().endswith(EXTENSIONS) and not name.startswith('.'):
                yield Path(folder, name).relative_to(root).as_posix()


def _refuse(error: OSError):
    raise InputError(f'{error.filename} cannot be listed: {error.strerror}') from error


def _import_lmdb(root: Path):
    try:
        import lmdb
    except ImportError as error:
        raise InputError(
            f"{root} is an LMDB, and reading one takes a package more: pip install 'mmpe[lmdb]'"
        ) from error
    return lmdb


def _text(key: bytes) -> str:
    return key.decode(errors='replace')
