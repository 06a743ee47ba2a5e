"""Devices and CPU cores, divided among child processes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from mmpe.errors import InputError

from .launchers import without_launcher


@dataclass(frozen=True)
class Workers:
    """Where child processes run.

    Attributes:
        devices: ``cuda:N`` or ``cpu``, one entry per process that runs at the same time.
        threads: CPU threads per process.

    >>> Workers(('cpu', 'cpu'), threads=1).environment('cpu')['OMP_NUM_THREADS']
    '1'
    """

    devices: Sequence[str]
    threads: int

    def environment(self, device: str) -> dict[str, str]:
        """The environment variables of a child process, which is on one device and not one of several processes."""
        environment = without_launcher(os.environ)
        environment.update(dict.fromkeys(('OMP_NUM_THREADS', 'MKL_NUM_THREADS'), str(self.threads)))
        visible = os.environ.get('CUDA_VISIBLE_DEVICES')
        if device == 'cpu':
            environment['CUDA_VISIBLE_DEVICES'] = ''
        else:
            number = torch.device(device).index or 0
            environment['CUDA_VISIBLE_DEVICES'] = visible.split(',')[number] if visible else str(number)
        return environment


def find_devices() -> list[str]:
    """The names of all visible GPUs, or of the CPU if there is none.

    >>> find_devices()[0] in ('cpu', 'cuda:0')
    True
    """
    return [f'cuda:{i}' for i in range(torch.cuda.device_count())] or ['cpu']


def check_devices(devices: Sequence[str]) -> None:
    """Refuse devices that this machine does not have. They are not initialized: child processes will use them.

    Raises:
        InputError: If a device is neither ``cpu`` nor a GPU of this machine.

    >>> check_devices(['cpu'])
    """
    here = [*find_devices(), 'cpu'] + (['cuda'] if torch.cuda.device_count() else [])
    for device in devices:
        if device not in here:
            raise InputError(f'there is no device {device!r} here: there are {", ".join(dict.fromkeys(here))}')


def plan_workers(
    num: int, devices: Sequence[str], cores: int, jobs: int | None = None, threads: int | None = None
) -> Workers:
    """Divide devices and CPU cores among child processes.

    It depends on the number of all jobs, not on how many of them are left. The number of threads changes the order of
    sums, and a second call must give the same bits.

    Args:
        num: The number of all jobs.
        devices: The devices of this machine: see :func:`find_devices`.
        cores: CPU cores for all processes together.
        jobs: How many processes run at the same time. None: one per GPU, or as many as have cores for their threads.
        threads: CPU threads per process. None: an equal share of the cores. On a CPU, one thread per process has the
            highest throughput.

    >>> plan_workers(num=10, devices=['cpu'], cores=4, threads=1)
    Workers(devices=['cpu', 'cpu', 'cpu', 'cpu'], threads=1)
    """
    on_cpu = all(device == 'cpu' for device in devices)
    jobs = jobs or (cores // (threads or 1) if on_cpu else len(devices))
    jobs = max(1, min(jobs, num))
    return Workers([devices[i % len(devices)] for i in range(jobs)], threads or max(1, cores // jobs))
