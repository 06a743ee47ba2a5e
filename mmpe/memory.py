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
    """Refuse what memory cannot hold.

    Args:
        needed: Bytes.
        device: Where.
        what: What takes them, such as '16 images of 300x500'.
        advice: What to choose instead, such as 'a smaller size'.

    Raises:
        InputError: If the device has less memory left.
    """
    available = available_memory(device)
    if needed > available:
        raise InputError(
            f'{what} would take about {_gib(needed)} of memory, and {_gib(available)} are available: choose {advice}'
        )


def available_memory(device: torch.device) -> int:
    """Bytes that a device has left; of the machine's memory, what this process may still have of it."""
    if device.type == 'cuda':
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + cached
    return max(0, min([*_of_machine(), *of_control_groups(), *_of_limits()], default=_ASSUMED_MEMORY))


def _of_machine() -> Iterator[int]:
    # not sysconf's free pages: those leave out the file cache, which gives way
    yield from _fields('/proc/meminfo', 'MemAvailable:', unit=1024)


def of_control_groups(
    groups: str | Path = '/proc/self/cgroup', mounted: str | Path = '/sys/fs/cgroup'
) -> Iterator[int]:
    """Bytes that each control group of this process, and each above it, has left, where it has a limit.

    Schedulers and containers limit memory so, and the kernel ends a process that takes more. What files are cached in
    counts as used, and gives way.

    Args:
        groups: The file that says which control groups this process is in, of version 1 and 2.
        mounted: Where they are.
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
