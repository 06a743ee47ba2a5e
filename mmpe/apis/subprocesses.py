"""Jobs in child processes, several at a time, each with a config of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from _thread import interrupt_main
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from mmengine.config import Config

from mmpe.boundary import boundary
from mmpe.engine.hooks import InterruptHook
from mmpe.engine.run_lock import check_free
from mmpe.errors import InputError
from mmpe.files import atomic, write_atomic
from mmpe.names import printable
from mmpe.progress import report, tracked

from .config import load_config
from .logged_progress import LoggedProgress, read_progress, scalar_files, with_scalars
from .workers import Workers

FAILED = 'failed.txt'
OUTPUT = 'output.txt'
_CONFIG = 'config.py'
_POLL = 0.2  # seconds
_REPORT = 1  # seconds
_ERROR = re.compile(r'(?:error: |[\w.]*(?:Error|Exception): )(.*)')


@dataclass(frozen=True)
class Job:
    """The job that child processes do, each for one config.

    Attributes:
        module: The module whose ``main()`` a child process runs, with the path of a config file as its argument: see
            :func:`job_main`.
        is_done: Tells whether the job is done for a config.
        noun: What the results are in reports of progress, in the plural.

    >>> Job('mmpe.apis.one_picture', is_done=lambda config: False, noun='pictures').noun
    'pictures'
    """

    module: str
    is_done: Callable[[Config], bool]
    noun: str


def job_main(do: Callable[[Config], None]) -> Callable[[], None]:
    """Make the ``main()`` of a child process, which calls ``do`` with its config.

    The parent holds the other end of standard input. When the parent closes it, or ends in any way, this process is
    interrupted as by Ctrl-C: it saves, and ends.

    >>> main = job_main(lambda config: print(config.work_dir))
    """

    @boundary
    def main() -> None:
        threading.Thread(target=_interrupt_at_end_of_input, daemon=True).start()
        do(load_config(sys.argv[1]))

    return main


def _interrupt_at_end_of_input() -> None:
    while os.read(0, 1):  # not sys.stdin, whose lock, held by a daemon thread, aborts Python at its end
        continue
    interrupt_main()


def run_jobs(configs: Mapping[str, Config], workers: Workers, job: Job) -> dict[str, str]:
    """Do a job for many configs, in child processes. Finished jobs are skipped, and unfinished ones are resumed.

    A job that fails leaves ``failed.txt``, one line, in its work dir, and the others go on. On Ctrl-C and the other
    signals of :class:`~mmpe.engine.hooks.InterruptHook`, or when this process ends in any other way, every child
    process saves and ends.

    Args:
        configs: The configs, by name. Each is for one process, and has a work dir of its own.
        workers: How many processes run at a time, and where: see :func:`~mmpe.apis.workers.plan_workers`.
        job: The job.

    Returns:
        The reasons of failures, by the names of the configs.
    """
    waiting = deque(_not_done(configs, job))
    if not waiting:
        return {}
    free, children, failures = deque(workers.devices), [], {}
    with _stopped_at_the_end(children), closing(_Progress(len(waiting), job.noun)) as progress:
        while waiting or children:
            while waiting and free:
                name = waiting.popleft()
                try:
                    check_free(configs[name].work_dir)
                except InputError as error:
                    failures[name] = str(error)
                    continue
                children.append(JobProcess(name, configs[name], free.popleft(), workers, job.module))
            time.sleep(_POLL)
            for child in [child for child in children if child.ended]:
                children.remove(child)
                free.append(child.device)
                if child.failure:
                    failures[child.name] = child.failure
                    child.note_failure()
            progress.show(children, len(waiting))
    return failures


def _not_done(configs: Mapping[str, Config], job: Job) -> Iterator[str]:
    for name, config in tracked(configs.items(), 'looking for finished jobs'):
        if job.is_done(config):
            (Path(config.work_dir) / FAILED).unlink(missing_ok=True)
        else:
            yield name


def read_failure(work_dir: str | Path) -> str | None:
    """Why the job of a work dir has failed. None, if it has not.

    >>> read_failure('.') is None
    True
    """
    try:
        return (Path(work_dir) / FAILED).read_text(encoding='utf-8', errors='replace').strip()
    except OSError:
        return None


class JobProcess:
    """A process that does the job of one config. When this process stops it, or ends in any way, it saves and ends.

    Args:
        name: How progress bars call it.
        config: Its config. The process writes to its ``work_dir``, which is made.
        device: One of the devices of ``workers``.
        workers: The environment of the process.
        module: See :class:`Job`.

    >>> workers = Workers(['cpu'], threads=1)
    >>> process = JobProcess('rocket', config, 'cpu', workers, 'mmpe.apis.one_picture')  # doctest: +SKIP
    """

    def __init__(self, name: str, config: Config, device: str, workers: Workers, module: str):
        self.name, self.device = name, device
        self.folder = Path(config.work_dir)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / FAILED).unlink(missing_ok=True)
        with atomic(self.folder / _CONFIG) as part:
            with_scalars(config).dump(part)
        self.max_iters = (config.get('train_cfg') or {}).get('max_iters')
        self.earlier = scalar_files(self.folder)
        with open(self.folder / OUTPUT, 'wb') as output:
            self.process = subprocess.Popen(
                [sys.executable, '-c', f'from {module} import main; main()', str(self.folder / _CONFIG)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=workers.environment(device),
                start_new_session=True,  # or Ctrl-C would reach it twice, and end it before it has saved
            )

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    @property
    def failure(self) -> str | None:
        """Why a process that has ended has failed, in one line. None, if it has not."""
        code = self.process.returncode
        if code == 0:
            return None
        if code < 0:
            return f'the process was ended by {signal.Signals(-code).name}, see {printable(self.folder / OUTPUT)}'
        output = (self.folder / OUTPUT).read_text(encoding='utf-8', errors='replace')
        lines = [line for line in output.splitlines() if line.strip()]
        found = next(
            (line for line in reversed(lines) if _ERROR.match(line)), lines[-1] if lines else f'exit code {code}'
        )
        return found.removeprefix('error: ').strip()

    def note_failure(self) -> None:
        """Leave the reason in the work dir: see :func:`read_failure`."""
        write_atomic(self.folder / FAILED, self.failure + '\n')

    def progress(self) -> LoggedProgress:
        """How far the job is."""
        own = self.scalars
        return read_progress(own, self.max_iters) if own else LoggedProgress()

    @property
    def scalars(self) -> Path | None:
        """The file to which this run logs its scalars. None, if it has not begun to."""
        return max(scalar_files(self.folder) - self.earlier, default=None)

    def stop(self) -> None:
        """Ask the process to save and end."""
        self.process.stdin.close()

    def wait(self) -> None:
        """Wait until the process has ended."""
        self.process.wait()

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()


class _Progress:
    """Reports how many jobs have ended, running ones by the share that is done, and how far each running one is."""

    def __init__(self, total: int, noun: str):
        self.total, self.noun = total, noun
        self.running: dict[str, LoggedProgress] = {}  # by their stages
        self.done = 0.0
        self.reported = time.monotonic()
        report(noun, 0, total)

    def show(self, children: Sequence[JobProcess], waiting: int) -> None:
        ended = self.total - waiting - len(children)
        if ended < self.total and time.monotonic() < self.reported + _REPORT:
            return
        self.reported = time.monotonic()
        found = [(child.name, child.progress()) for child in children]
        stages = {', '.join(filter(None, (printable(name), job.stage))): job for name, job in found}
        running = {stage: job for stage, job in stages.items() if 0 < job.done != job.total}
        self._end(self.running.keys() - running.keys())
        self.running = running
        self.done = round(ended + sum(job.share for _, job in found), 2)
        if self.done < self.total:  # or the stage would be over
            report(self.noun, self.done, self.total)
        for stage, job in running.items():
            report(stage, job.done, job.total)

    def _end(self, stages: Collection[str]) -> None:
        for stage in stages:
            report(stage, self.running[stage].done, self.running[stage].done)

    def close(self) -> None:
        """End all stages: on a terminal, the bars make room for what is said next."""
        self._end(self.running)
        report(self.noun, self.done, self.done)


@contextmanager
def _stopped_at_the_end(children: Sequence[JobProcess]) -> Iterator[None]:
    """Within, when this process is asked to end or an error ends it, all child processes save and end."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    numbers = set(InterruptHook.signals) - {signal.SIGINT} if in_main_thread else ()  # Ctrl-C is an exception already
    previous = {number: signal.signal(number, _terminate) for number in numbers}
    try:
        yield
    finally:
        if children:
            _stop(children)
        for number, handler in previous.items():
            signal.signal(number, handler)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _stop(children: Sequence[JobProcess]) -> None:
    print(f'\nwaiting for {len(children)} child processes to save; Ctrl-C again ends them at once', file=sys.stderr)
    try:
        for child in children:
            child.stop()
        for child in children:
            child.wait()
    except BaseException:
        for child in children:
            child.kill()
        raise
