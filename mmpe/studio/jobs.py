"""A queue of child processes, which run one at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from mmpe.apis.subprocesses import JobProcess

_log = logging.getLogger(__name__)
_POLL = 0.2  # seconds
_PATIENCE = 60  # seconds that a process may take to save when the studio closes


@dataclass
class QueuedJob:
    """A job, and where it stands.

    Attributes:
        kind: Such as 'training'.
        id: Of the model that it is about.
        start: Starts the process.
        can_start: Whether nothing outside of this queue stands in its way, such as the end of an earlier process.
        stage: 'waiting', 'running', 'stopping', then 'done', 'stopped' or 'failed'.
        failure: Why it has failed, in one line.
        process: Once it has started.
        published: Whether somebody has been told of it.
    """

    kind: str
    id: str
    start: Callable[[], JobProcess]
    can_start: Callable[[], bool] = lambda: True
    stage: str = 'waiting'
    failure: str = ''
    process: JobProcess | None = None
    published: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the job has ended, or will not begin."""
        return self.stage in ('done', 'stopped', 'failed')


class JobQueue:
    """Runs jobs one after the other. When this process ends in any way, a running job saves and ends.

    Args:
        watch: Is told of a job again and again while it runs, and once when it is over; from another thread.
    """

    def __init__(self, watch: Callable[[QueuedJob], None]):
        self._watch = watch
        self._jobs: list[QueuedJob] = []
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._closing = False
        self._thread: threading.Thread | None = None

    def add(self, job: QueuedJob) -> None:
        """Run a job when those before it are over."""
        with self._lock:
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name='jobs', daemon=True)
                self._thread.start()
            self._changed.notify_all()
        self._tell(job)

    def find(self, kind: str, id: str) -> QueuedJob | None:
        """The job of a kind on a model that waits or runs."""
        with self._lock:
            return next((job for job in self._jobs if (job.kind, job.id) == (kind, id) and not job.is_over), None)

    def stop(self, job: QueuedJob) -> None:
        """Let a job save and end, or not begin; the second time, end it at once."""
        with self._lock:
            if job.stage == 'waiting':
                self._jobs.remove(job)
                job.stage = 'stopped'
            elif job.stage == 'running':
                job.stage = 'stopping'
                job.process.stop()
            elif job.stage == 'stopping':
                job.process.kill()
        self._tell(job)

    def close(self) -> None:
        """Let the running job save and end, and begin no other."""
        with self._lock:
            self._closing = True
            jobs = list(self._jobs)
            self._changed.notify_all()
        for job in reversed(jobs):
            self.stop(job)
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            while not job.is_over and not self._start(job):
                time.sleep(_POLL)
            while not job.is_over:
                self._tell(job)
                time.sleep(_POLL)
                self._see(job)
            with self._lock:
                if job in self._jobs:
                    self._jobs.remove(job)
            self._tell(job)

    def _tell(self, job: QueuedJob) -> None:
        try:
            self._watch(job)
        except Exception:  # such as a model whose folder somebody has removed: the other jobs go on
            _log.exception('the %s of %s cannot be told of', job.kind, job.id)

    def _next(self) -> QueuedJob | None:
        """The first job, once there is one; None when the queue is closed."""
        with self._lock:
            while not self._jobs and not self._closing:
                self._changed.wait()
            return self._jobs[0] if self._jobs else None

    def _start(self, job: QueuedJob) -> bool:
        """Start a job that still waits, if it can; whether there is nothing left to wait for."""
        with self._lock:
            try:
                if job.stage == 'waiting' and job.can_start():
                    job.process, job.stage = job.start(), 'running'
            except Exception as error:  # whatever is wrong with a job, the others go on
                job.stage, job.failure = 'failed', str(error)
            return job.stage != 'waiting'

    def _see(self, job: QueuedJob) -> None:
        """Note that the process has ended, if it has."""
        if not job.process.ended:
            return
        failure = job.process.failure
        if failure is None:
            job.stage = 'done'
        elif job.stage == 'stopping':
            job.stage = 'stopped'
        else:
            job.stage, job.failure = 'failed', failure
            with suppress(OSError):  # of a model whose folder somebody has removed
                job.process.note_failure()
