"""The folder of a studio: what it has trained, what was given to it, and the pictures that edits need.

::

    models/ID/      a work dir of a training, with studio.json; or given.pth, a link to a checkpoint from elsewhere
    pictures/SHA    pictures to train on, by their content
    files/SHA.png   masks, paintings and what else edits need, by their content
"""

from __future__ import annotations

import filecmp
import hashlib
import json
import os
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mmpe.apis.singan import finished_scales
from mmpe.checkpoints import latest_checkpoint
from mmpe.datasets.picture_files import open_picture, picture_size
from mmpe.errors import InputError, as_input_error
from mmpe.files import atomic, write_atomic
from mmpe.grid import Size
from mmpe.names import printable
from mmpe.numbers import size_text
from mmpe.visualization import encode_picture, save_picture

from .loaded import LoadedModel

MOST_PIXELS = 2**27
"""Of a picture to train on, which is made smaller."""
MOST_FILE_PIXELS = 2**24
"""Of a mask, a painting or a picture with something pasted into it, which has the size of the trained picture."""

RECORD = 'studio.json'
_GIVEN = 'given.pth'
_KEPT_LOADED = 4
_MOST_FOUND = 500
_SHA = '[0-9a-f]{64}'
_ENOUGH = 512  # pixels of a side, to see whether a very large JPEG can be decoded


class NotThere(LookupError):
    """There is no model, picture or file of a name that a page has asked for."""


@dataclass(frozen=True)
class Entry:
    """A model of the studio.

    Attributes:
        id: As pages call it.
        folder: ``models/ID``.
        record: ``studio.json``: the ``name``, the ``pyramid`` of all scales' sizes, ``has_encoding``, and for a model
            that is trained here the ``config`` and the ``picture``.
    """

    id: str
    folder: Path
    record: dict[str, Any]

    @property
    def name(self) -> str:
        """As people call it."""
        return self.record['name']

    @property
    def is_given(self) -> bool:
        """Whether it is a checkpoint from elsewhere."""
        return 'config' not in self.record

    @property
    def checkpoint(self) -> Path | None:
        """The latest checkpoint; None, if there is none yet."""
        if self.is_given:
            return self.folder / _GIVEN
        found = latest_checkpoint(self.folder)
        return Path(found) if found else None

    @property
    def original(self) -> Path:
        """The picture at the size of the finest scale."""
        return self.folder / 'original.png'

    @property
    def num_scales(self) -> int:
        """Scales, trained or not."""
        return len(self.record['pyramid'])

    @property
    def size(self) -> Size:
        """(height, width) of the finest scale."""
        return tuple(self.record['pyramid'][-1])

    @property
    def iters_per_scale(self) -> int:
        """Iterations per scale of a model that is trained here."""
        return self.record['config']['model']['iters_per_scale']

    @property
    def iteration(self) -> int:
        """The iteration of the latest checkpoint of a model that is trained here."""
        found = self.checkpoint
        return int(found.stem.removeprefix('iter_')) if found else 0

    @property
    def trained_scales(self) -> int:
        """Scales that are trained to the end."""
        return self.record['trained_scales'] if self.is_given else self.iteration // self.iters_per_scale

    @property
    def trained_size(self) -> Size | None:
        """(height, width) of the finest scale that is trained to the end; None, if there is none yet."""
        return tuple(self.record['pyramid'][self.trained_scales - 1]) if self.trained_scales else None

    @property
    def is_finished(self) -> bool:
        """Whether all scales are trained to the end."""
        return self.trained_scales == self.num_scales

    @property
    def version(self) -> int:
        """Grows with each checkpoint."""
        return 1 if self.is_given else self.iteration


class Library:
    """See above. One process at a time uses a folder; a lock is the caller's matter.

    Args:
        folder: The folder of the studio. It is made when something is written.
        device: Where models are loaded.

    >>> library = Library(Path('studio'))
    >>> from PIL import Image
    >>> name, size = library.add_picture(encode_picture(Image.new('RGB', (48, 32)), 'a.png'))
    >>> size, library.picture(name).exists()
    ((32, 48), True)
    """

    def __init__(self, folder: Path, device: torch.device | str = 'cpu'):
        self.folder, self.device = Path(os.path.abspath(folder)), torch.device(device)
        self._loaded: OrderedDict[tuple[Path, int], LoadedModel] = OrderedDict()
        self._lock = threading.Lock()

    # ---------------------------------------------------------------- models

    def entries(self) -> list[Entry]:
        """All models, the newest first."""
        records = sorted((self.folder / 'models').glob(f'*/{RECORD}'), key=lambda path: path.stat().st_mtime)
        found = [Entry(path.parent.name, path.parent, _read_record(path)) for path in reversed(records)]
        return [entry for entry in found if not entry.is_given or entry.checkpoint.is_file()]

    def entry(self, id: str) -> Entry:
        """A model by its id.

        Raises:
            NotThere: If there is none.
        """
        for found in self.entries():  # no path is ever made of what a page says
            if found.id == id:
                return found
        raise NotThere('there is no such model: it may have been removed')

    def load(self, entry: Entry) -> LoadedModel:
        """The finished scales of a model's latest checkpoint; the last few are kept in memory.

        Raises:
            InputError: If there is no finished scale, or the checkpoint cannot be read or is no SinGAN's.
        """
        with self._lock:
            checkpoint = entry.checkpoint
            if checkpoint is None:
                raise InputError(f'{entry.name} has no finished scale yet: wait until its first scale is trained')
            key = checkpoint, checkpoint.stat().st_mtime_ns
            if key not in self._loaded:
                self._loaded[key] = LoadedModel.of(checkpoint, self.device)
            self._loaded.move_to_end(key)
            while len(self._loaded) > _KEPT_LOADED:
                self._loaded.popitem(last=False)
            return self._loaded[key]

    def finished_checkpoint(self, entry: Entry) -> Path:
        """A checkpoint that ``mmpe edit`` takes: the latest, or one of its finished scales, which is written."""
        loaded = self.load(entry)
        if loaded.is_finished:
            return loaded.checkpoint
        path = entry.folder / f'first_{loaded.model.num_scales}_scales.pth'
        if not path.is_file():
            with atomic(path) as part:
                torch.save(finished_scales(loaded.checkpoint), part)
        return path

    def add_training(self, name: str, record: dict[str, Any]) -> Entry:
        """Make the work dir of a training, with what there is to know about it."""
        return self._add(name, record)

    def add_checkpoint(self, path: Path, name: str | None = None, copy: bool = False) -> Entry:
        """Offer a checkpoint from elsewhere, unless it is there already.

        Args:
            path: The file.
            name: What people call the model; None: as the file, or its work dir.
            copy: Whether to copy the file rather than to link it.

        Raises:
            InputError: If it cannot be read, is no SinGAN's, or has no finished scale.
        """
        path = Path(os.path.abspath(path))
        loaded = LoadedModel.of(path, self.device)
        for entry in self.entries():
            if entry.is_given and filecmp.cmp(entry.checkpoint, path, shallow=False):
                return entry
        record = dict(pyramid=loaded.pyramid, trained_scales=loaded.model.num_scales, has_encoding=loaded.has_encoding)
        name = name or (path.parent.name if path.stem.startswith('iter_') else path.stem)
        entry = self._add(printable(name), record, path, copy)
        save_picture(loaded.model.picture, entry.original)
        return entry

    def add_folder(self, folder: Path) -> tuple[list[Entry], dict[Path, str]]:
        """Offer the checkpoints in a folder and below: of a work dir the latest, others each.

        Returns:
            The models, and why other files are none, by their paths.
        """
        found, refused = [], {}
        for path in _checkpoints_in(folder):
            if self.folder in Path(os.path.abspath(path)).parents:
                continue
            try:
                found.append(self.add_checkpoint(path))
            except InputError as error:
                refused[path] = str(error)
        return found, refused

    def _add(self, name: str, record: dict[str, Any], given: Path | None = None, copy: bool = False) -> Entry:
        record = json.loads(json.dumps(dict(record, name=name)))
        with self._lock:
            folder = self._new_folder(name)
            if given is not None and copy:
                shutil.copyfile(given, folder / _GIVEN)
            elif given is not None:
                (folder / _GIVEN).symlink_to(given)
            write_atomic(folder / RECORD, json.dumps(record, indent=2) + '\n')
        return Entry(folder.name, folder, record)

    def _new_folder(self, name: str) -> Path:
        slug = re.sub(r'[^a-z0-9]+', '-', Path(name).stem.lower()).strip('-')[:40] or 'picture'
        for number in range(1, 10**6):
            folder = self.folder / 'models' / (slug if number == 1 else f'{slug}-{number}')
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            return folder
        raise InputError(f'there are too many models called {slug}: remove some')

    # ---------------------------------------------------------------- pictures

    def add_picture(self, content: bytes) -> tuple[str, Size]:
        """Keep a picture to train on, as it is, by its content.

        Returns:
            Its name, and its (height, width).

        Raises:
            TooLarge: If it has more than ``MOST_PIXELS``.
            PictureError: If it cannot be read as a picture.
        """
        size = _checked_size(content)
        open_picture(content, max_pixels=MOST_PIXELS, enough=_ENOUGH)
        name = hashlib.sha256(content).hexdigest()
        self._keep('pictures', name, content)
        return name, size

    def add_file(self, content: bytes) -> str:
        """Keep a picture that edits need, as a PNG of the same pixels, by its content.

        Returns:
            Its name.

        Raises:
            TooLarge: If it has more than ``MOST_FILE_PIXELS``.
            PictureError: If it cannot be read as a picture.
        """
        _checked_size(content, MOST_FILE_PIXELS)
        file = encode_picture(open_picture(content), 'file.png')
        name = f'{hashlib.sha256(file).hexdigest()}.png'
        self._keep('files', name, file)
        return name

    def picture(self, name: str) -> Path:
        """The path of a picture that was added to train on.

        Raises:
            NotThere: If there is none of that name.
        """
        return self._kept('pictures', name, _SHA)

    def file(self, name: str) -> Path:
        """The path of a picture that was added for edits.

        Raises:
            NotThere: If there is none of that name.
        """
        return self._kept('files', name, _SHA + r'\.png')

    def _keep(self, folder: str, name: str, content: bytes) -> None:
        path = self.folder / folder / name
        if not path.is_file():
            write_atomic(path, content)

    def _kept(self, folder: str, name: str, pattern: str) -> Path:
        path = self.folder / folder / name
        if not re.fullmatch(pattern, name) or not path.is_file():
            raise NotThere('there is no such picture: add it again')
        return path

    # ---------------------------------------------------------------- names

    def shown(self, text: str) -> str:
        """A message without the paths of this machine."""
        for folder in dict.fromkeys((self.folder, self.folder.resolve())):
            text = text.replace(f'{folder}{os.sep}', '').replace(str(folder), 'the folder of the studio')
        return _PATH.sub(lambda found: found[0].rpartition('/')[2], text)


class TooLarge(InputError):
    """A picture has more pixels than the studio takes."""


_PATH = re.compile(r'(?<![\w/:])/(?:[^\s/:]+/)+[^\s/:,;]*')


def _read_record(path: Path) -> dict[str, Any]:
    """A record, which nobody but :class:`Library` writes.

    Raises:
        InputError: If somebody has changed it.
    """
    with as_input_error(f'{path} is not the record of a model: remove its folder from the studio'):
        record = json.loads(path.read_text())
        if not record['name'] or not record['pyramid']:
            raise InputError('it has no name or no scales')
        return record


def _checked_size(content: bytes, most: int = MOST_PIXELS) -> Size:
    """The size of a picture, by its header where that tells, before its pixels are read."""
    height, width = picture_size(content, max_pixels=MOST_PIXELS)
    if height * width > most:
        raise TooLarge(
            f'the picture has {size_text((height, width))} pixels, and {most / 10**6:.0f} megapixels are the limit '
            'here: make it smaller'
        )
    return height, width


def _checkpoints_in(folder: Path) -> Iterator[Path]:
    found: Iterable[Path] = sorted(folder.rglob('*.pth'))[:_MOST_FOUND]
    work_dirs = dict.fromkeys(path.parent for path in found if path.stem.startswith('iter_'))
    for work_dir in work_dirs:
        latest = latest_checkpoint(work_dir)
        if latest:
            yield Path(latest)
    yield from (path for path in found if not path.stem.startswith('iter_'))
