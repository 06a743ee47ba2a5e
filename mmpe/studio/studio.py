"""The parts of a studio, put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from .audits import Auditor
from .drawing import Drawer, Results
from .events import Events
from .jobs import JobQueue, QueuedJob
from .library import Library
from .training import Trainer, TrainingPlan


@dataclass
class Studio:
    """A studio in a folder.

    Attributes:
        folder: Where it keeps what it trains and what it is given.
        plan: How pictures are trained.
        device: Where it draws and trains.

    >>> Studio(Path('studio')).library.entries()
    []
    """

    folder: Path
    plan: TrainingPlan = field(default_factory=TrainingPlan)
    device: torch.device = field(default_factory=lambda: torch.device('cpu'))

    def __post_init__(self):
        self.events = Events()
        self.library = Library(self.folder, self.device)
        self.drawer, self.results = Drawer(), Results()
        self.jobs = JobQueue(self._watch)
        self.trainer = Trainer(self.library, self.plan, self.device, self.jobs, self.events)
        self.auditor = Auditor(self.library, self.jobs, self.events)

    def close(self) -> None:
        """Drop all drawings, and let a training save and end."""
        self.drawer.close()
        self.jobs.close()

    def _watch(self, job: QueuedJob) -> None:
        watcher = dict(training=self.trainer, audit=self.auditor)[job.kind]
        watcher.watch(job)
