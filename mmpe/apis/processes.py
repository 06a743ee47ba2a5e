"""Several processes, with or without GPUs."""

from __future__ import annotations

import atexit
import os

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.dist import init_dist

from mmpe.errors import InputError, as_input_error

# A launcher to what it sets in the environment, and what starts it.
_LAUNCHERS = dict(
    pytorch=('RANK', 'torchrun, see tools/dist_train.sh'),
    slurm=('SLURM_PROCID', 'srun, see tools/slurm_train.sh'),
    mpi=('OMPI_COMM_WORLD_RANK', 'mpirun'),
)


def join_processes(config: Config) -> None:
    """Join the processes that a launcher started, before any of them writes.

    MMEngine's runner would do so too, later, and for torchrun it asks for a GPU.

    Raises:
        InputError: If this process was not started by the launcher that the config names.
    """
    launcher = config.get('launcher')
    variable, starter = _LAUNCHERS.get(launcher, (None, None))
    if variable and variable not in os.environ:
        raise InputError(f'--launcher {launcher} is for processes started by {starter}: {variable} is not set')
    if launcher in (None, 'none') or dist.is_initialized():
        return
    if launcher == 'pytorch' and not torch.cuda.is_available():
        dist.init_process_group('gloo')
        atexit.register(dist.destroy_process_group)  # a process that ends before Gloo's threads do is aborted
    else:
        with as_input_error(f'--launcher {launcher}'):
            init_dist(launcher, **(config.get('env_cfg') or {}).get('dist_cfg', {}))
