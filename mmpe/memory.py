"""Whether memory can hold what is to be made, asked before it is."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import torch

from mmpe.errors import InputError

MAPS_ALIVE = 5
"""As measured for a chain of convolutions: input, padded input, output, and what oneDNN makes of them."""

_ASSUMED_MEMORY = 2**33


def check_room(needed: int, device: torch.device, what: str, advice: str) -> None:
    """Refuse work that does not fit into memory.

    Args:
        needed: Bytes that the work takes.
        device: The device that it runs on.
        what: What takes the memory, for the message, such as '16 images of 300x500'.
        advice: What to choose instead, for the message, such as 'a smaller size'.

    Raises:
        InputError: If the device has less memory left.

    >>> check_room(2**60, torch.device('cpu'), '16 images', 'a smaller size')  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    mmpe.errors.InputError: 16 images would take about 1,073,741,824.0 GiB of memory, and ... available: choose a ...
    """
    available = available_memory(device)
    if needed > available:
        raise InputError(
            f'{what} would take about {_gib(needed)} of memory, and {_gib(available)} are available: choose {advice}'
        )


def available_memory(device: torch.device) -> int:
    """Bytes that this process can still allocate on a device.

    >>> available_memory(torch.device('cpu')) > 0
    True
    """
    if device.type == 'cuda':
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + cached
    return max(0, min([*_of_machine(), *of_control_groups(), *_of_limits()], default=_ASSUMED_MEMORY))


def peak_memory(device: torch.device) -> int:
    """The most bytes that this process has had at once.

    Args:
        device: A GPU, whose tensors are counted by PyTorch, or the CPU, where the whole process counts.

    >>> peak_memory(torch.device('cpu')) > 2**20
    True
    """
    if device.type == 'cuda':
        return torch.cuda.max_memory_allocated(device)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS, which has no /proc
    return next(_fields('/proc/self/status', 'VmHWM:', unit=1024), used)


def _of_machine() -> Iterator[int]:
    # not sysconf's free pages: those leave out the file cache, which gives way
    yield from _fields('/proc/meminfo', 'MemAvailable:', unit=1024)


def of_control_groups(
    groups: str | Path = '/proc/self/cgroup', mounted: str | Path = '/sys/fs/cgroup'
) -> Iterator[int]:
    """Bytes left in each control group of this process that limits memory, and in each group above it.

    Schedulers and containers limit memory by control groups, and the kernel ends a process that takes more. The file
    cache counts as used memory, but it is given back when memory is short, so it is added to what is left.

    Args:
        groups: The file that lists the control groups of this process, of version 1 and 2.
        mounted: The folder that control groups are mounted at.

    >>> all(isinstance(left, int) for left in of_control_groups())
    True
    """
    for line in _lines(groups):
        _, kinds, path = line.split(':', 2)
        if kinds == '':
            names = ('memory.max', 'memory.high'), 'memory.current', ('inactive_file', 'active_file')
            roots = [Path(mounted), Path(mounted) / 'unified']
        elif 'memory' in kinds.split(','):
            names = ('memory.limit_in_bytes',), 'memory.usage_in_bytes', ('total_inactive_file', 'total_active_file')
            roots = [Path(mounted) / 'memory']
        else:
            continue
        for root in roots:
            own = Path(path.strip('/'))  # in a container the root itself is often that group
            for group in (own, *own.parents):
                yield from _left_of_group(root / group, *names)


def _left_of_group(folder: Path, limits: tuple, usage: str, caches: tuple) -> Iterator[int]:
    limit = min((int(line) for name in limits for line in _lines(folder / name) if line.isdigit()), default=None)
    used = next((int(line) for line in _lines(folder / usage)), None)
    if limit is not None and used is not None:
        yield limit - used + sum(size for name in caches for size in _fields(folder / 'memory.stat', name))


def _of_limits() -> Iterator[int]:
    """What ``ulimit`` leaves of addresses and of data."""
    for limit, name in ((resource.RLIMIT_AS, 'VmSize:'), (resource.RLIMIT_DATA, 'VmData:')):
        soft = resource.getrlimit(limit)[0]
        if soft != resource.RLIM_INFINITY:
            yield soft - sum(_fields('/proc/self/status', name, unit=1024))


def _fields(file: str | Path, name: str, unit: int = 1) -> Iterator[int]:
    """The number beside a name, in bytes, if the file has it."""
    for line in _lines(file):
        words = line.split()
        if words and words[0] == name:
            yield int(words[1]) * unit
            return


def _lines(file: str | Path) -> list[str]:
    try:
        return Path(file).read_text().splitlines()
    except OSError:  # another system, or not ours to read
        return []


def _gib(size: int) -> str:
    return f'{size / 2**30:,.1f} GiB'
