"""A model in the folder of a studio."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmpe.checkpoints import latest_checkpoint
from mmpe.errors import InputError, as_input_error
from mmpe.grid import Size
from mmpe.models.singan.iterations import IterationsPerScale, place_of

RECORD = 'studio.json'
GIVEN = 'given.pth'


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
            return self.folder / GIVEN
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
    def iters_per_scale(self) -> IterationsPerScale:
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
        return self.record['trained_scales'] if self.is_given else place_of(self.iters_per_scale, self.iteration)[0]

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


def read_record(path: Path) -> dict[str, Any]:
    """A record, which nobody but :class:`~mmpe.studio.library.Library` writes.

    Raises:
        InputError: If somebody has changed it.
    """
    with as_input_error(f'{path} is not the record of a model: remove its folder from the studio'):
        record = json.loads(path.read_text())
        if not record['name'] or not record['pyramid']:
            raise InputError('it has no name or no scales')
        return record
