"""Several processes that train or test together, with or without GPUs."""

from __future__ import annotations

import atexit
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.device import is_mlu_available, is_musa_available, is_npu_available
from mmengine.logging import print_log

from mmpe.errors import InputError

from .launchers import Rank, find_rank, find_variables
from .rendezvous import meeting_point

_PATIENCE = 600  # seconds: machines of a cluster start at different times, and read Python from slow disks
_POLL = 0.02  # seconds
_MOMENT = 3  # seconds, for others to notice what this process has noticed

_stores: list[dist.Store] = []  # through which the processes have found each other


def join_processes(config: Config) -> None:
    """Join the processes that the config's launcher has started, before any of them writes a file.

    Raises:
        InputError: If this process was not started by that launcher, the processes cannot reach each other, or their
            configs differ. One process raises it, and the others end with code 2.
    """
    launcher = config.get('launcher') or 'none'
    if launcher == 'none' or dist.is_initialized() or has_other_accelerator():
        return
    settings = dict(config.get('env_cfg', {}).get('dist_cfg') or {})
    if settings.pop('init_backend', 'torch') == 'torch':
        join(launcher, described(config), **settings)


def join(
    launcher: str,
    facts: Mapping[str, str],
    backend: str = 'nccl',
    timeout: float | timedelta | None = None,
    port: int | None = None,
    **settings,
) -> None:
    """Make a process group of the processes that a launcher has started.

    Args:
        launcher: ``pytorch``, ``slurm`` or ``mpi``.
        facts: Values, by name, that must be the same in all processes.
        backend: The backend of ``torch.distributed``. Without a GPU, NCCL is replaced by Gloo.
        timeout: How many seconds a process waits for the others before it ends the job.
        port: The port of the first process. None: ``MASTER_PORT``, or a port that is free.
        **settings: More arguments of ``torch.distributed.init_process_group``.

    Raises:
        InputError: As :func:`join_processes`.
    """
    if timeout is not None:
        settings['timeout'] = timeout if isinstance(timeout, timedelta) else timedelta(seconds=timeout)
    if port is not None:
        os.environ['MASTER_PORT'] = str(port)
    try:
        variables, rank = find_variables(os.environ, launcher), find_rank(os.environ, launcher)
        with meeting_point(rank, variables, os.environ, _PATIENCE) as (address, port):
            export(rank, address, port)
            _join(rank, facts, backend, settings)
    except InputError:
        if _is_echo():
            raise SystemExit(2) from None
        raise


@contextmanager
def said_once(launcher: str | None) -> Iterator[None]:
    """Within, only one of several processes raises an error that all of them find.

    Args:
        launcher: The launcher, as in a config. None: there is one process.

    Raises:
        InputError: The error of the code within, in one process.
        SystemExit: With code 2, in all other processes that have found the same error.

    >>> with said_once(None):
    ...     raise InputError('size=0 cannot work')
    Traceback (most recent call last):
    mmpe.errors.InputError: size=0 cannot work
    """
    try:
        yield
    except InputError as error:
        if (launcher or 'none') == 'none' or not (_has_been_said(str(error)) if dist.is_initialized() else _is_echo()):
            raise
        raise SystemExit(2) from None


def _is_echo() -> bool:
    """Whether another process of this machine reports every error that this one could report."""
    try:
        rank = find_rank(os.environ)
    except InputError:
        return False
    return rank.number > 0 and rank.local_number > 0


def _has_been_said(error: str) -> bool:
    """Whether another process has reported the same error before."""
    name = f'mmpe/said/{error}'
    try:
        before = _stores[0].add(name, 1) > 1
        end = time.monotonic() + _MOMENT
        # Process 0 may keep the store, which ends with it
        while dist.get_rank() == 0 and _stores[0].add(name, 0) < dist.get_world_size() and time.monotonic() < end:
            time.sleep(_MOMENT / 30)
    except (IndexError, RuntimeError):  # another's store, or that of a process that has ended
        return False
    return before


def export(rank: Rank, address: str, port: int) -> None:
    """Set the environment variables that torchrun sets, for PyTorch and other libraries."""
    devices = torch.cuda.device_count()
    if os.environ.get('MASTER_PORT') != str(port):
        os.environ.pop('TORCHELASTIC_USE_AGENT_STORE', None)  # torchrun itself listens on the port that it has told
    os.environ.update(
        RANK=str(rank.number),
        WORLD_SIZE=str(rank.count),
        # The number of a GPU: a launcher may show each process its own one only.
        LOCAL_RANK=str(rank.local_number % devices if devices else rank.local_number),
        LOCAL_WORLD_SIZE=str(rank.local_count),
        MASTER_ADDR=address,
        MASTER_PORT=str(port),
    )


@contextmanager
def losses_in_a_line() -> Iterator[None]:
    """Within, report the loss of another process in one line. A traceback would show how this process waited for it.

    Raises:
        InputError: If the connection to another process breaks, or times out.

    >>> with losses_in_a_line():
    ...     pass
    """
    try:
        yield
    except RuntimeError as error:
        said = ' '.join(str(error).split())
        if not (dist.is_initialized() and (isinstance(error, dist.DistError) or '/gloo/' in said)):
            raise
        raise InputError(
            f'process {dist.get_rank()} of {dist.get_world_size()} waits for another one that has ended or hangs: see '
            f'the output of the others; --resume goes on from the last checkpoint ({said[:300]})'
        ) from error


def has_other_accelerator() -> bool:
    """Whether this machine has an accelerator that MMEngine can use, and mmpe cannot."""
    return is_mlu_available() or is_npu_available() or is_musa_available()


def _join(rank: Rank, facts: Mapping[str, str], backend: str, settings: Mapping) -> None:
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ['LOCAL_RANK']))
    elif 'nccl' in backend:
        backend = 'gloo'
        if rank.number == 0:
            print_log('there is no GPU: the processes talk through gloo, not nccl', logger='current')
    try:
        rendezvous = dist.rendezvous('env://', rank.number, rank.count, timeout=timedelta(seconds=_PATIENCE))
        store = _fresh_part(next(rendezvous)[0], rank)
        _agree(store, rank, facts)
        _stores[:] = [store]
        dist.init_process_group(backend, store=store, rank=rank.number, world_size=rank.count, **settings)
    except RuntimeError as error:
        raise InputError(_cause(rank, error)) from error
    if backend == 'gloo':
        atexit.register(_leave)


def _leave() -> None:
    """Leave the process group: a process that ends before Gloo's threads do is aborted."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _cause(rank: Rank, error: RuntimeError) -> str:
    """Why processes do not find each other, in one line."""
    said, where = ' '.join(str(error).split()), '{MASTER_ADDR}:{MASTER_PORT}'.format(**os.environ)
    if 'EADDRINUSE' in said or 'address already in use' in said.lower():
        return f'the port of {where} is in use by another program: set MASTER_PORT to a free one'
    return (
        f'process {rank.number} of {rank.count} has not found the others at {where}: see that all were started, and on '
        f'several machines that GLOO_SOCKET_IFNAME or NCCL_SOCKET_IFNAME names the network between them ({said[:300]})'
    )


def _fresh_part(store: dist.Store, rank: Rank) -> dist.Store:
    """A new part of the store. When torchrun restarts processes, it keeps the store, with the old addresses.

    Process 0 names the new part. It tells the name to each other process, in answer to a word that no earlier process
    has written.
    """
    if rank.number:
        word = uuid4().hex
        store.set(f'mmpe/word/{rank.number}', word)
        name = store.get(f'mmpe/answer/{word}').decode()
        store.set(f'{name}/here/{rank.number}', '')
        return dist.PrefixStore(name, store)
    name, missing, end = uuid4().hex, set(range(1, rank.count)), time.monotonic() + _PATIENCE
    while missing:
        for number in sorted(missing):
            if store.check([f'mmpe/word/{number}']):
                store.set(f'mmpe/answer/{store.get(f"mmpe/word/{number}").decode()}', name)
        missing = {number for number in missing if not store.check([f'{name}/here/{number}'])}
        if missing and time.monotonic() > end:
            raise RuntimeError(f'process {min(missing)} has not come within {_PATIENCE} s')
        time.sleep(_POLL if missing else 0)
    return dist.PrefixStore(name, store)


def _agree(store: dist.Store, rank: Rank, facts: Mapping[str, str]) -> None:
    """End all processes if one of them has other facts. The first process reports which."""
    facts = dict(facts, WORLD_SIZE=str(rank.count))
    store.set(f'mmpe/facts/{rank.number}', json.dumps(facts))
    if rank.number:
        agreed = store.get('mmpe/agreed') == b'yes'
        store.set(f'mmpe/heard/{rank.number}', '')
        if not agreed:
            raise SystemExit(2)
        return
    others = range(1, rank.count)
    difference = next((d for n in others if (d := _difference(facts, n, json.loads(store.get(f'mmpe/facts/{n}'))))), '')
    store.set('mmpe/agreed', 'no' if difference else 'yes')
    store.wait([f'mmpe/heard/{n}' for n in others])  # the store ends with this process
    if difference:
        raise InputError(difference)


def _difference(first: Mapping[str, str], number: int, other: Mapping[str, str]) -> str | None:
    for name in sorted(first.keys() | other.keys()):
        here, there = (facts.get(name, 'not set') for facts in (first, other))
        if here != there:
            return (
                f'the processes were started differently: {name} is {here[:100]} for process 0, and {there[:100]} for '
                f'process {number}; give all of them the same config and options'
            )
    return None


def described(config: Mapping) -> dict[str, str]:
    """All settings of a config, as text, by their dotted keys. Equal settings have the same text in all processes.

    >>> described(dict(model=dict(type='DCGANModel')))
    {'model.type': "'DCGANModel'"}
    """
    return dict(_flat(config, ''))


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, (dict, Config)) and len(value):
        for key, item in value.items():
            yield from _flat(item, f'{name}.{key}' if name else str(key))
    elif isinstance(value, (list, tuple)) and value:
        for i, item in enumerate(value):
            yield from _flat(item, f'{name}.{i}')
    elif isinstance(value, (dict, Config, list, tuple, str, int, float, bool, type(None))):
        yield name, repr(value)
    else:  # objects show where they are in memory
        yield name, getattr(value, '__qualname__', type(value).__qualname__)
