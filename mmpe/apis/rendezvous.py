"""Where the processes of a run meet: the address and port of the first process, found by each process for itself."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mmpe.errors import InputError

from .launchers import Rank, Variables

_LOOPBACK = '127.0.0.1'
_DEFAULT_PORT = 29500  # torch.distributed's
# Below the ports that Linux gives to outgoing connections.
_FIRST_PORT, _LAST_PORT = 10000, 32767
_STEPS = 16  # of a job that run side by side without meeting those of the next job
_POLL = 0.05  # seconds
_PART = r'[\w.-]*'
_RANGES = r'\[\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*\]'
_HOST = rf'(?:{_PART}{_RANGES})*{_PART}'


@contextmanager
def meeting_point(
    rank: Rank, variables: Variables, environment: Mapping[str, str], patience: float
) -> Iterator[tuple[str, int]]:
    """Within, the address and port at which the processes meet.

    ``MASTER_ADDR`` and ``MASTER_PORT`` are used if they are set; a port of 0 counts as not set. Otherwise they follow
    from Slurm's node list and job number, and the processes of a single machine agree on a free port.

    Args:
        rank: Which process this is.
        variables: The variables of the launcher that has started it.
        environment: The environment variables of this process.
        patience: How many seconds to wait for the first process.

    Yields:
        The address and the port.

    Raises:
        InputError: If the address is needed and not set, cannot be resolved, or a value is malformed.

    >>> from mmpe.apis.launchers import find_variables
    >>> environment = dict(RANK='0', WORLD_SIZE='1', LOCAL_RANK='0', MASTER_ADDR='127.0.0.1', MASTER_PORT='29500')
    >>> with meeting_point(Rank(), find_variables(environment), environment, patience=60) as place:
    ...     place
    ('127.0.0.1', 29500)
    """
    address = environment.get('MASTER_ADDR') or _find_address(rank, variables, environment)
    if not _resolves(address):
        raise InputError(
            f'MASTER_ADDR {address!r} cannot be resolved: set it to the name or address of the first machine'
        )
    if environment.get('MASTER_PORT', '0') not in ('', '0'):
        yield address, _read_port(environment['MASTER_PORT'])
    elif variables.number == 'SLURM_PROCID':
        yield address, slurm_port(environment['SLURM_JOB_ID'], environment['SLURM_STEP_ID'])
    elif rank.count == rank.local_count:
        with _shared_port(rank, _launch_id(variables.number), patience) as port:
            yield address, port
    else:
        yield address, _DEFAULT_PORT


def slurm_port(job: str, step: str) -> int:
    """A port that is the same on all nodes, and differs between the steps of jobs with close numbers."""
    return _FIRST_PORT + (int(job) * _STEPS + int(step)) % (_LAST_PORT + 1 - _FIRST_PORT)


def first_host(node_list: str) -> str:
    """The first node in Slurm's short form of a node list.

    Raises:
        InputError: If the text is not a node list.

    >>> first_host('gpu[03-05,9],login1')
    'gpu03'
    """
    if not node_list or not re.fullmatch(rf'{_HOST}(?:,{_HOST})*', node_list):
        raise InputError(
            f'the node list {node_list!r} cannot be read; Slurm writes such as node[01-04,7]: set MASTER_ADDR to the '
            'first machine'
        )
    host = re.match(_HOST, node_list)[0]
    return re.sub(r'\[(\d+)[^]]*\]', r'\1', host)


def _find_address(rank: Rank, variables: Variables, environment: Mapping[str, str]) -> str:
    if variables.number == 'SLURM_PROCID':
        nodes = environment.get('SLURM_STEP_NODELIST') or environment.get('SLURM_NODELIST', '')
        host = first_host(nodes)
        if rank.count == rank.local_count:
            return _LOOPBACK
        return host if _resolves(host) else _slurm_address(host)
    if rank.count == rank.local_count:
        return _LOOPBACK
    raise InputError(
        f'the {rank.count} processes are on several machines, this one has {rank.local_count}: set MASTER_ADDR to the '
        'name or address of the machine of rank 0, for all of them (Open MPI: mpirun -x MASTER_ADDR=...; MPICH: '
        'mpirun -genv MASTER_ADDR ...)'
    )


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return True


def _slurm_address(host: str) -> str:
    """The address at which Slurm reaches a node whose name cannot be resolved."""
    try:
        command = ['scontrol', '--oneliner', 'show', 'node', host]
        said = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        said = ''
    found = re.search(r'\bNodeAddr=(\S+)', said)
    return found[1] if found else host


def _read_port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise InputError(f'MASTER_PORT must be a port, 1 to 65535, not {text!r}')
    return int(text)


@contextmanager
def _shared_port(rank: Rank, launch: str, patience: float) -> Iterator[int]:
    """Within, a free port of this machine. The first process finds it, and tells the others in a file."""
    digest = hashlib.sha256(launch.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f'mmpe-{digest}.port'
    if rank.number:
        yield _wait_for_port(path, patience)
        return
    with socket.socket() as free:
        free.bind((_LOOPBACK, 0))
        port = free.getsockname()[1]
    descriptor, part = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    with os.fdopen(descriptor, 'w') as file:
        file.write(str(port))
    os.replace(part, path)
    try:
        yield port
    finally:
        path.unlink(missing_ok=True)


def _wait_for_port(path: Path, patience: float) -> int:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            with open(path) as file:
                if os.fstat(file.fileno()).st_uid == os.getuid():  # others can write to a temporary folder, too
                    return int(file.read())
        except FileNotFoundError:
            pass
        time.sleep(_POLL)
    raise InputError(f'process 0 has not started within {patience:.0f} s')


def _launch_id(variable: str) -> str:
    """A name that only the processes of one launch have in common: that of their launcher's process.

    The launcher is the nearest ancestor without a rank. There may be shells between.
    """
    process = os.getppid()
    try:
        while process > 1 and f'\0{variable}='.encode() in b'\0' + Path(f'/proc/{process}/environ').read_bytes():
            process = _parent(process)
        started = _status(process)[19]  # field 22 of proc(5), in ticks since the machine started
    except OSError:  # another user's process, which is a launcher; or a system without /proc
        started = ''
    return f'{os.getuid()} {process} {started}'


def _parent(process: int) -> int:
    return int(_status(process)[1])


def _status(process: int) -> list[str]:
    """The fields of ``/proc/PID/stat``, from the third one on. The second one is a name, and may hold anything."""
    return Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()
