"""Devices and cores, shared out among child processes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from mmpe.errors import InputError

from .launchers import without_launcher


@dataclass(frozen=True)
class Workers:
    """Places for child processes.

    Attributes:
        devices: ``cuda:N`` or ``cpu``, one for each child at a time.
        threads: CPU threads of each child.
    """

    devices: Sequence[str]
    threads: int

    def environment(self, device: str) -> dict[str, str]:
        """The environment of a child: not in a group of processes, and on one device."""
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
    """All GPUs that are visible, or the CPU."""
    return [f'cuda:{i}' for i in range(torch.cuda.device_count())] or ['cpu']


def check_devices(devices: Sequence[str]) -> None:
    """Refuse a device that is not here, without starting it: GPUs are for the children.

    Raises:
        InputError: If one is neither ``cpu`` nor a GPU of this machine.
    """
    here = [*find_devices(), 'cpu'] + (['cuda'] if torch.cuda.device_count() else [])
    for device in devices:
        if device not in here:
            raise InputError(f'there is no device {device!r} here: there are {", ".join(dict.fromkeys(here))}')


def plan_workers(
    num: int, devices: Sequence[str], cores: int, jobs: int | None = None, threads: int | None = None
) -> Workers:
    """Share devices and cores out.

    By the number of all that there is to do, and not of what is left: threads add up in another order where there are
    more or fewer of them, and a second call shall give the same bits.

    Args:
        num: Of things to do.
        devices: That there are.
        cores: CPU cores for all children together.
        jobs: Children at a time; None: one a GPU, or as many as have cores for their threads.
        threads: CPU threads of a child; None: its part of the cores. On a CPU one thread a child is the fastest in
            total.
    """
    on_cpu = all(device == 'cpu' for device in devices)
    jobs = jobs or (cores // (threads or 1) if on_cpu else len(devices))
    jobs = max(1, min(jobs, num))
    return Workers([devices[i % len(devices)] for i in range(jobs)], threads or max(1, cores // jobs))
