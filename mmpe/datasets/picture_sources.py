"""Where many pictures come from: a folder, an LMDB, or scikit-image."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numpy as np
import PIL
from mmengine.logging import print_log
from PIL import Image

from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.names import locate, printable
from mmpe.progress import tracked

from .folder_listing import FolderMemory, visible_and_hidden
from .lmdb_files import check_complete, check_not_open_for_writing, version
from .picture_files import MAX_PIXELS, SKIMAGE, PictureError, open_fitted, picture_size
from .reduced_decoding import fit
from .tiff import SIGNATURES

_NO_PICTURES = ('BUFR', 'EPS', 'GRIB', 'HDF5', 'MPEG', 'WMF')  # formats that Pillow knows and cannot decode by itself
_NAMED = 100  # of the files that are left out
_MANY = 1000  # files that take long enough to find to be remembered
_PREFIX = 16  # bytes that tell a format


def find_pictures(data_root: str | Path) -> FolderOfFiles | Lmdb | SkimageFaces:
    """Find the pictures of a folder, an LMDB or scikit-image.

    Args:
        data_root: A folder, an LMDB (a file ``*.lmdb`` or ``*.mdb``, or a folder with ``data.mdb``), or
            ``skimage://lfw_subset``.

    Returns:
        An object with the ``names`` of the pictures, and with ``read(number, size)``, which returns one as RGB.

    Raises:
        InputError: If ``data_root`` is none of these, or holds no picture.

    >>> len(find_pictures('skimage://lfw_subset').names)
    100
    """
    if not isinstance(data_root, (str, Path)) or not str(data_root):
        raise InputError(f'data_root must be the path of a folder of pictures or of an LMDB, got {data_root!r}')
    if str(data_root).startswith(SKIMAGE):
        return SkimageFaces(str(data_root)[len(SKIMAGE) :])
    root = locate(data_root)
    if not os.path.exists(root):
        raise InputError(f'there is no folder of pictures at {printable(root)}: set data_root to one, or to an LMDB')
    if (root / 'data.mdb').is_file() or (root.is_file() and root.suffix.lower() in ('.lmdb', '.mdb')):
        return Lmdb(root)
    if root.is_file():
        raise InputError(
            f'data_root {printable(root)} is a file: set it to a folder of pictures, or to an LMDB (*.lmdb)'
        )
    return FolderOfFiles(root)


class FolderOfFiles:
    """All pictures below a folder, in the order of their names, which is the same on every machine.

    Every file that Pillow can read is a picture: files with an extension that Pillow knows, and others by their
    content. Links are followed. Files and folders whose names start with a dot are left out, and the log names what is
    left out. The listing of a large folder is remembered: see :class:`~mmpe.datasets.folder_listing.FolderMemory`.

    Attributes:
        names: Paths of the pictures in the folder.
        passed_over: Paths of all other files, and of hidden folders, which end with a slash.

    >>> Image.new('RGB', (3, 4)).save('a.png')
    >>> FolderOfFiles(Path('.')).names
    ['a.png']
    """

    def __init__(self, root: Path):
        self.root = root
        memory = FolderMemory(root, repr((PIL.__version__, _recognizable())))
        found = {name: _is_picture(name, memory) for name in visible_and_hidden(memory)}
        if len(found) >= _MANY:
            memory.save()
        self.names = sorted(name for name, is_picture in found.items() if is_picture)
        self.passed_over = sorted(name for name, is_picture in found.items() if not is_picture)
        if not self.names:
            others = f': {_listed(self.passed_over)}' if self.passed_over else ''
            raise InputError(f'there are no pictures in {printable(root)}, nor below, that Pillow can read{others}')
        _tell(root, len(self.names), self.passed_over)

    def read(self, number: int, size: Size, **options) -> Image.Image:
        """Picture ``number`` at ``size``. ``options``: see :func:`~mmpe.datasets.picture_files.open_fitted`."""
        return open_fitted(self.root / self.names[number], None, size, **options)

    def find_sizes(self, max_pixels: int = MAX_PIXELS) -> list[Size | None]:
        """(height, width) of every picture, None for one that cannot be read. They are remembered as the listing is."""
        memory = FolderMemory(self.root, repr((PIL.__version__, 'sizes')), 'sizes')
        sizes = [
            memory.recall(name, lambda path: _size_of(Path(path), max_pixels))
            for name in tracked(self.names, 'sizes of pictures')
        ]
        if len(sizes) >= _MANY:
            memory.save()
        return [size and tuple(size) for size in sizes]


class Lmdb:
    """An LMDB of encoded pictures, in the order of their keys.

    Values of another kind, such as counts, are left out and logged, unless the key has a picture's extension.
    """

    def __init__(self, root: Path):
        self.root = root
        self.keys, passed_over = [], []
        check_not_open_for_writing(_import_lmdb(root), root)
        with self._reading() as transaction, transaction.cursor() as cursor:
            self._version = version(transaction, root)
            for key in cursor.iternext(values=False):
                name = os.fsdecode(bytes(key))
                if _has_picture_extension(name) or _has_signature(bytes(cursor.value()[:_PREFIX])):
                    self.keys.append(bytes(key))
                else:
                    passed_over.append(name)
        if not self.keys and not passed_over:
            raise InputError(f'the LMDB {printable(root)} is empty')
        if not self.keys:
            raise InputError(f'there are no pictures in the LMDB {printable(root)}: {_listed(passed_over)}')
        _tell(root, len(self.keys), passed_over)

    @property
    def names(self) -> list[str]:
        return [os.fsdecode(key) for key in self.keys]

    def read(self, number: int, size: Size, **options) -> Image.Image:
        """Picture ``number`` at ``size``. ``options``: see :func:`~mmpe.datasets.picture_files.open_fitted`."""
        key = self.keys[number]
        with self._reading() as transaction:
            if version(transaction, self.root) != self._version:
                raise InputError(f'the LMDB {printable(self.root)} was written to after it was listed: start again')
            content = bytes(transaction.get(key))
        return open_fitted(content, f'{os.fsdecode(key)} of {self.root}', size, **options)

    def find_sizes(self, max_pixels: int = MAX_PIXELS) -> list[Size | None]:
        """(height, width) of every picture, None for one that cannot be read."""
        with self._reading() as transaction:
            keys = tracked(self.keys, 'sizes of pictures')
            return [_size_of(bytes(transaction.get(key)), max_pixels) for key in keys]

    @contextmanager
    def _reading(self):
        """A transaction.

        Opened for each picture, as a file would be: an environment must neither pass from one process to another, nor
        be opened twice in one.
        """
        lmdb = _import_lmdb(self.root)
        options = dict(subdir=self.root.is_dir(), readonly=True, create=False, lock=False, readahead=False)
        try:
            environment = lmdb.open(os.fsencode(self.root), **options)
        except lmdb.Error as error:
            raise InputError(f'{printable(self.root)} cannot be read as an LMDB: {error}') from error
        with environment:
            check_complete(environment, self.root)
            with environment.begin(buffers=True) as transaction:
                yield transaction


class SkimageFaces:
    """The 100 faces of ``skimage.data.lfw_subset``, gray, 25x25. The other half of that data shows no faces."""

    def __init__(self, name: str):
        if name != 'lfw_subset':
            raise InputError(f'scikit-image has no set of pictures {name!r}; it has lfw_subset')
        import skimage.data

        self.faces = np.round(skimage.data.lfw_subset()[:100] * 255).astype(np.uint8)
        self.names = [f'lfw_subset {i}' for i in range(len(self.faces))]

    def find_sizes(self, max_pixels: int = MAX_PIXELS) -> list[Size]:
        """(height, width) of every face."""
        return [face.shape for face in self.faces]

    def read(self, number: int, size: Size, **options) -> Image.Image:
        """Face ``number`` at ``size``."""
        return fit(Image.fromarray(self.faces[number]).convert('RGB'), size)


def _size_of(source: Path | bytes, max_pixels: int) -> Size | None:
    try:
        return picture_size(source, max_pixels=max_pixels)
    except PictureError:
        return None


def _is_picture(name: str, memory: FolderMemory) -> bool:
    if os.path.basename(name).startswith('.') or name.endswith('/'):
        return False
    return _has_picture_extension(name) or memory.recall(name, _is_picture_by_content)


def _has_picture_extension(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in _picture_extensions()


@lru_cache(maxsize=1)
def _picture_extensions() -> set[str]:
    Image.init()
    known = Image.registered_extensions().items()
    return {extension for extension, kind in known if kind in Image.OPEN and kind not in _NO_PICTURES}


@lru_cache(maxsize=1)
def _recognizable() -> list[str]:
    """Formats whose files begin with a signature. Pillow tries to read any file as one of the others."""
    Image.init()
    return [kind for kind, (_, accept) in Image.OPEN.items() if accept is not None and kind not in _NO_PICTURES]


def _is_picture_by_content(path: str) -> bool:
    try:
        if not os.path.isfile(path):
            return False
        with open(path, 'rb') as stream:
            prefix = stream.read(_PREFIX)
            if not _has_signature(prefix):
                return False
            stream.seek(0)
            with Image.open(stream, formats=_recognizable()):
                return True
    except Exception:  # whatever a file that is no picture does to a decoder
        return prefix.startswith(SIGNATURES)  # a TIFF that Pillow cannot read


def _has_signature(content: bytes) -> bool:
    prefix = content[:_PREFIX].ljust(_PREFIX, b'\0')
    accepts = (Image.OPEN[kind][1] for kind in _recognizable())
    return prefix.startswith(SIGNATURES) or any(accept(prefix) is True for accept in accepts)


def _tell(root: Path, num_pictures: int, passed_over: Sequence[str]) -> None:
    if passed_over:
        print_log(f'{printable(root)} has {num_pictures} pictures; {_listed(passed_over)}', 'current', logging.WARNING)


def _listed(passed_over: Sequence[str]) -> str:
    names = ', '.join(printable(name) for name in passed_over[:_NAMED])
    more = f', and {len(passed_over) - _NAMED} more' if len(passed_over) > _NAMED else ''
    return f'{len(passed_over)} left out that cannot be read as pictures or are hidden: {names}{more}'


def _import_lmdb(root: Path) -> ModuleType:
    try:
        import lmdb
    except ImportError as error:
        raise InputError(
            f"{printable(root)} is an LMDB, and reading it needs another package: pip install 'mmpe[lmdb]'"
        ) from error
    return lmdb
