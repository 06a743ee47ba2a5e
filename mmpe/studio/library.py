"""The folder of a studio: what it has trained, what was given to it, and the pictures that edits need.

::

    models/ID/      a work dir of a training, with studio.json; or given.pth, a link to a checkpoint from elsewhere
    pictures/SHA    pictures to train on, by their content
    files/SHA.png   masks, paintings and what else edits need, by their content
"""

from __future__ import annotations

import filecmp
import json
import os
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from mmpe.apis.singan import finished_scales
from mmpe.checkpoints import latest_checkpoint
from mmpe.errors import InputError
from mmpe.files import atomic, write_atomic
from mmpe.names import printable
from mmpe.visualization import save_picture

from .entries import GIVEN, RECORD, Entry, read_record
from .loaded import LoadedModel
from .refusals import NotThere
from .uploads import Uploads

_KEPT_LOADED = 4
_MOST_FOUND = 500


class Library:
    """See above. One process at a time uses a folder; a lock is the caller's matter.

    Args:
        folder: The folder of the studio. It is made when something is written.
        device: Where models are loaded.

    Attributes:
        uploads: The pictures that pages have sent.

    >>> Library(Path('studio')).entries()
    []
    """

    def __init__(self, folder: Path, device: torch.device | str = 'cpu'):
        self.folder, self.device = Path(os.path.abspath(folder)), torch.device(device)
        self.uploads = Uploads(self.folder)
        self._loaded: OrderedDict[tuple[Path, int], LoadedModel] = OrderedDict()
        self._lock = threading.Lock()

    def entries(self) -> list[Entry]:
        """All models, the newest first."""
        records = sorted((self.folder / 'models').glob(f'*/{RECORD}'), key=lambda path: path.stat().st_mtime)
        found = [Entry(path.parent.name, path.parent, read_record(path)) for path in reversed(records)]
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
                shutil.copyfile(given, folder / GIVEN)
            elif given is not None:
                (folder / GIVEN).symlink_to(given)
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

    def shown(self, text: str) -> str:
        """A message without the paths of this machine."""
        for folder in dict.fromkeys((self.folder, self.folder.resolve())):
            text = text.replace(f'{folder}{os.sep}', '').replace(str(folder), 'the folder of the studio')
        return _PATH.sub(lambda found: found[0].rpartition('/')[2], text)


_PATH = re.compile(r'(?<![\w/:])/(?:[^\s/:]+/)+[^\s/:,;]*')


def _checkpoints_in(folder: Path) -> Iterator[Path]:
    found: Iterable[Path] = sorted(folder.rglob('*.pth'))[:_MOST_FOUND]
    work_dirs = dict.fromkeys(path.parent for path in found if path.stem.startswith('iter_'))
    for work_dir in work_dirs:
        latest = latest_checkpoint(work_dir)
        if latest:
            yield Path(latest)
    yield from (path for path in found if not path.stem.startswith('iter_'))
