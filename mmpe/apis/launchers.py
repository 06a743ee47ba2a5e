"""What a launcher tells a process about itself, read without joining a process group."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar('Item')

_PREFIXES = ('SLURM_', 'OMPI_', 'PMI_', 'PMIX_', 'MPI_LOCAL', 'TORCHELASTIC_')
_NAMES = (
    *('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE', 'GROUP_RANK', 'GROUP_WORLD_SIZE', 'ROLE_RANK'),
    *('ROLE_NAME', 'ROLE_WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'),
)


@dataclass(frozen=True)
class Rank:
    """One of several processes that share work and need not talk to each other.

    Attributes:
        number (int): Of this process, 0 ... ``count - 1``.
        count (int): Of all processes.
        local_number (int): Of this process among those of its machine.
        local_count (int): Of the processes of its machine.
    """

    number: int = 0
    count: int = 1
    local_number: int = 0
    local_count: int = 1

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """This process's part: every ``count``-th item; all parts together are all items, each once."""
        return items[self.number :: self.count]

    def local_share(self, devices: Sequence[Item]) -> Sequence[Item]:
        """This process's part of what its machine has; where there is less than one for each, they are shared."""
        return devices[self.local_number :: self.local_count] or [devices[self.local_number % len(devices)]]

    @property
    def cores(self) -> int:
        """int: CPU cores for this process: those that it may use, shared with others of its machine; at least 1."""
        bound = os.environ.get('SLURM_CPUS_PER_TASK')
        return int(bound) if bound else max(1, _usable_cores() // self.local_count)


def find_rank(environment: Mapping[str, str]) -> Rank:
    """Which process this is, as torchrun, srun or mpirun says in the environment; the only one, if none does."""
    if 'RANK' in environment and 'WORLD_SIZE' in environment:
        names = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE')
    elif 'SLURM_PROCID' in environment and 'SLURM_NTASKS' in environment:
        names = ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID', 'SLURM_NTASKS_PER_NODE')
    elif 'OMPI_COMM_WORLD_RANK' in environment:
        names = tuple(f'OMPI_COMM_WORLD_{name}' for name in ('RANK', 'SIZE', 'LOCAL_RANK', 'LOCAL_SIZE'))
    elif 'PMI_RANK' in environment and 'PMI_SIZE' in environment:  # MPICH
        names = ('PMI_RANK', 'PMI_SIZE', 'MPI_LOCALRANKID', 'MPI_LOCALNRANKS')
    else:
        return Rank()
    number, count = (int(environment[name]) for name in names[:2])
    # Slurm says how many tasks a machine has only where it was asked for so many
    local_count = int(environment.get(names[3]) or -(-count // int(environment.get('SLURM_NNODES', 1))))
    return Rank(number, count, int(environment.get(names[2], number % local_count)), local_count)


def without_launcher(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process that shall not think that it is one of several."""
    return {name: value for name, value in environment.items() if name not in _NAMES and not name.startswith(_PREFIXES)}


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
