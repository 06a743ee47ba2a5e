"""Audits of models in a child process. Their results are kept beside the model."""

from __future__ import annotations

import copy
import os
from pathlib import Path

from mmengine.config import Config
from torch import Tensor

from mmpe.analysis.padding import swapped
from mmpe.apis.subprocesses import JobProcess
from mmpe.apis.workers import Workers
from mmpe.errors import InputError
from mmpe.models.padding import modes as padding_modes
from mmpe.numbers import shown

from .audit_job import MAPS, PAGE
from .entries import Entry
from .events import Events
from .jobs import JobQueue, QueuedJob
from .library import Library
from .loaded import LoadedModel
from .refusals import NotThere

_DRAWS, _LAYERS = 32, 8
"""Fewer than of ``mmpe audit``, as somebody waits."""


class Auditor:
    """Audits the models of a library.

    Args:
        library: With the models.
        jobs: Where audits wait for trainings, and for one another.
        events: Where it is published that an audit is done.
    """

    def __init__(self, library: Library, jobs: JobQueue, events: Events):
        self.library, self.jobs, self.events = library, jobs, events

    def begin(self, entry: Entry) -> None:
        """Audit a model, unless its audit is there, or begun.

        Raises:
            InputError: If no scale of the model is finished.
        """
        checkpoint = self.library.finished_checkpoint(entry)
        if self._folder(entry).joinpath(PAGE).is_file():
            self.events.publish('audit', model=entry.id, done=True)
        elif not self.jobs.find('audit', entry.id):
            self.jobs.add(QueuedJob('audit', entry.id, lambda: self._process(entry, checkpoint)))

    def page(self, entry: Entry) -> Path:
        """The page of an audit.

        Raises:
            NotThere: If there is none of the model as it is now.
        """
        return self._result(entry, PAGE)

    def maps(self, entry: Entry) -> Path:
        """What an audit has found, as JSON: see :func:`~mmpe.studio.audit_job.maps_of`; errors as of :meth:`page`."""
        return self._result(entry, MAPS)

    def watch(self, job: QueuedJob) -> None:
        """Publish where an audit stands, when that has changed."""
        if job.is_over or not job.published:
            why = dict(error=self.library.shown(job.failure)) if job.failure else {}
            self.events.publish('audit', model=job.id, done=job.stage == 'done', stage=job.stage, **why)
        job.published = True

    def _folder(self, entry: Entry) -> Path:
        return entry.folder / f'audit_{entry.version}'

    def _result(self, entry: Entry, name: str) -> Path:
        path = self._folder(entry) / name
        if not path.is_file():
            raise NotThere(f'{entry.name} has not been audited yet')
        return path

    def _process(self, entry: Entry, checkpoint: Path) -> JobProcess:
        config = Config(
            dict(
                work_dir=str(self._folder(entry)),
                checkpoint=str(checkpoint),
                title=entry.name,
                num=_DRAWS,
                max_layers=_LAYERS,
            )
        )
        workers = Workers(['cpu'], max(1, (os.cpu_count() or 1) - 1))
        return JobProcess(f'{entry.name}, audit', config, 'cpu', workers, 'mmpe.studio.audit_job')


def with_other_padding(loaded: LoadedModel, mode: str, number: int | None = None) -> Tensor:
    """What a model draws with another padding in place of its own, and no other weights.

    Args:
        loaded: The model.
        mode: Of :func:`mmpe.models.padding.modes`.
        number: Of a random image; None: the reconstruction.

    Returns:
        (1, 3, H, W).

    Raises:
        InputError: If there is no such mode, or the model cannot have it.
    """
    if mode not in padding_modes():
        raise InputError(f'there is no padding {shown(mode)}: choose from {", ".join(padding_modes())}')
    model = copy.deepcopy(loaded.plain)
    model.generator = swapped(model.generator, mode)
    return model.reconstruct() if number is None else model.sample(1, first=number)
