"""Which of several processes this one is, as its launcher tells it. No process group is joined."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from mmpe.errors import InputError

Item = TypeVar('Item')

_PREFIXES = ('SLURM_', 'OMPI_', 'MV2_COMM_WORLD_', 'PMI_', 'PMIX_', 'MPI_LOCAL', 'MPIR_', 'HYDI_', 'TORCHELASTIC_')
_NAMES = (
    *('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE', 'GROUP_RANK', 'GROUP_WORLD_SIZE', 'ROLE_RANK'),
    *('ROLE_NAME', 'ROLE_WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'),
)
_FIRST_SPECIAL_STEP = 0xFFFFFFF0  # Slurm numbers batch scripts, interactive shells and the like from here


@dataclass(frozen=True)
class Rank:
    """One of several processes that share work.

    Attributes:
        number: The number of this process, 0 ... ``count - 1``.
        count: The number of all processes.
        local_number: The number of this process among those of its machine.
        local_count: The number of processes on its machine.

    >>> Rank(number=1, count=3).share(['a', 'b', 'c', 'd', 'e'])
    ['b', 'e']
    """

    number: int = 0
    count: int = 1
    local_number: int = 0
    local_count: int = 1

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """The items of this process: every ``count``-th one. The shares of all processes hold every item once."""
        return items[self.number :: self.count]

    def local_share(self, devices: Sequence[Item]) -> Sequence[Item]:
        """The devices of this process, of all devices of its machine. If there are too few, processes share them."""
        return devices[self.local_number :: self.local_count] or [devices[self.local_number % len(devices)]]

    @property
    def cores(self) -> int:
        """CPU cores for this process, at least 1. The cores of a machine are divided among its processes."""
        bound = os.environ.get('SLURM_CPUS_PER_TASK')
        return int(bound) if bound else max(1, _usable_cores() // self.local_count)


class Variables(NamedTuple):
    """Environment variables by which a launcher numbers its processes. ``required`` ones show that it started this."""

    number: str
    count: str
    local_number: str
    local_count: str
    required: tuple[str, ...]


def _variables(number: str, count: str, local_number: str, local_count: str, *required: str) -> Variables:
    return Variables(number, count, local_number, local_count, (number, count, *required))


_TORCHRUN = _variables('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE')
_OPEN_MPI = _variables(*(f'OMPI_COMM_WORLD_{name}' for name in ('RANK', 'SIZE', 'LOCAL_RANK', 'LOCAL_SIZE')))
_MVAPICH = _variables(*(f'MV2_COMM_WORLD_{name}' for name in ('RANK', 'SIZE', 'LOCAL_RANK', 'LOCAL_SIZE')))
_MPICH = _variables('PMI_RANK', 'PMI_SIZE', 'MPI_LOCALRANKID', 'MPI_LOCALNRANKS', 'MPI_LOCALRANKID')
_SLURM = _variables('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID', 'SLURM_NTASKS_PER_NODE', 'SLURM_STEP_ID')
_PMI = _variables('PMI_RANK', 'PMI_SIZE', 'MPI_LOCALRANKID', 'MPI_LOCALNRANKS')

# In the order of belief. A launcher inside another one inherits the outer one's variables: torchrun and mpirun are run
# within Slurm's jobs. Slurm knows more than the PMI that it offers to MPI programs, which has no local ranks.
_ALL = (_TORCHRUN, _OPEN_MPI, _MVAPICH, _MPICH, _SLURM, _PMI)

# The values of --launcher: what starts the processes, and who says which is which.
_LAUNCHERS = dict(
    pytorch=('torchrun, see tools/dist_train.sh', (_TORCHRUN,)),
    slurm=('srun, see tools/slurm_train.sh', (_SLURM,)),
    mpi=('mpirun', _ALL[1:]),
)


def find_rank(environment: Mapping[str, str], launcher: str | None = None) -> Rank:
    """Which process this is, as torchrun, mpirun or srun tells in the environment.

    Args:
        environment: The environment variables of this process.
        launcher: ``pytorch``, ``slurm`` or ``mpi``, which must have started this process. None: any of them, and if
            there is none, this is the only process. Slurm counts within a step only: a batch script has a rank as well,
            and is one process.

    Raises:
        InputError: If the launcher has not started this process, or its variables contradict each other.

    >>> find_rank(dict(RANK='1', WORLD_SIZE='4', LOCAL_RANK='1', LOCAL_WORLD_SIZE='2'))
    Rank(number=1, count=4, local_number=1, local_count=2)
    """
    return _read(find_variables(environment, launcher), environment)


def find_variables(environment: Mapping[str, str], launcher: str | None = None) -> Variables | None:
    """The variables by which the launcher of this process numbers it: see :func:`find_rank`."""
    found = _started_by(_LAUNCHERS[launcher][1] if launcher else _ALL, environment)
    if launcher and found is None:
        raise InputError(_not_started(launcher, environment))
    if found is _SLURM and launcher == 'slurm':
        _refuse_mpirun(environment)
    return found


def _started_by(candidates: Sequence[Variables], environment: Mapping[str, str]) -> Variables | None:
    return next((variables for variables in candidates if _has_started(variables, environment)), None)


def _has_started(variables: Variables, environment: Mapping[str, str]) -> bool:
    if not all(environment.get(name) for name in variables.required):
        return False
    return variables is not _SLURM or _is_step(environment['SLURM_STEP_ID'])


def _is_step(number: str) -> bool:
    return number.isdecimal() and int(number) < _FIRST_SPECIAL_STEP


def _not_started(launcher: str, environment: Mapping[str, str]) -> str:
    starter, candidates = _LAUNCHERS[launcher]
    said = f'--launcher {launcher} is for processes started by {starter}'
    if launcher == 'slurm' and environment.get('SLURM_JOB_ID'):
        return f'{said}: this is a process of the batch script itself, not of a step; write srun before its command'
    missing = next(name for name in candidates[0].required if not environment.get(name))
    return f'{said}: {missing} is not set'


def _refuse_mpirun(environment: Mapping[str, str]) -> None:
    """mpirun starts its own daemons with srun, and its processes inherit a daemon's place in Slurm's step."""
    mpi = _started_by((_OPEN_MPI, _MVAPICH, _MPICH), environment)
    if mpi and _read(mpi, environment) != _read(_SLURM, environment):
        raise InputError(
            f'--launcher slurm is for processes started by srun, and this one was started by mpirun ({mpi.number} is '
            f'set): take --launcher mpi'
        )


def _read(variables: Variables | None, environment: Mapping[str, str]) -> Rank:
    if variables is None:
        return Rank()
    number = _whole(variables.number, environment)
    size = variables.count
    if variables is _SLURM and environment.get('SLURM_STEP_NUM_TASKS'):
        # Of the step itself: a batch script that was submitted from within a step inherits its variables
        size = 'SLURM_STEP_NUM_TASKS'
    count = _whole(size, environment)
    if number >= count:
        raise InputError(
            f'{variables.number}={number} and {size}={count} contradict each other: with {count} processes, ranks are '
            f'0 to {count - 1}'
        )
    local_count = _local_count(variables, count, environment)
    local_number = number % local_count
    if environment.get(variables.local_number):
        local_number = _whole(variables.local_number, environment)
    if local_number >= local_count:
        raise InputError(
            f'{variables.local_number}={local_number} is not possible: this machine has {local_count} of the '
            f'{count} processes'
        )
    return Rank(number, count, local_number, local_count)


def _local_count(variables: Variables, count: int, environment: Mapping[str, str]) -> int:
    if variables is _SLURM and environment.get('SLURM_STEP_TASKS_PER_NODE'):
        tasks = expand_counts(environment['SLURM_STEP_TASKS_PER_NODE'])
        node = int(environment.get('SLURM_NODEID', 0))
        if node < len(tasks):
            return tasks[node]
    if environment.get(variables.local_count):
        return _whole(variables.local_count, environment)
    # Slurm says how many tasks a machine has only where it was asked for so many
    nodes = environment.get('SLURM_STEP_NUM_NODES') or environment.get('SLURM_NNODES') or 1
    return -(-count // int(nodes))


def expand_counts(text: str) -> list[int]:
    """The number of tasks on each node, from Slurm's short form.

    >>> expand_counts('2(x3),1')
    [2, 2, 2, 1]
    """
    parts = re.findall(r'(\d+)(?:\(x(\d+)\))?', text)
    return [int(tasks) for tasks, times in parts for _ in range(int(times or 1))]


def _whole(name: str, environment: Mapping[str, str]) -> int:
    value = environment[name].strip()
    if not value.isdecimal():
        raise InputError(f'{name}={environment[name]!r} is set by a launcher, and must be a whole number')
    return int(value)


def without_launcher(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process that is not one of several: without the variables of launchers.

    >>> without_launcher(dict(HOME='/home/me', RANK='1', SLURM_JOB_ID='7'))
    {'HOME': '/home/me'}
    """
    return {name: value for name, value in environment.items() if name not in _NAMES and not name.startswith(_PREFIXES)}


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
