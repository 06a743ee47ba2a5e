"""Loops that Numba compiles, on as many threads as PyTorch has."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numba
import torch

if numba.config.DISABLE_JIT:
    raise ImportError('NUMBA_DISABLE_JIT is set')

_options = dict(nogil=True, error_model='numpy')
_one_at_a_time = threading.Lock()  # not all of Numba's threading layers can be called by two threads at once
_asked = threading.local()  # for how many threads the thread has asked Numba, which knows each thread's own


def _start_threads() -> None:
    """Start those of Numba, which set the number of PyTorch's, where both have the same OpenMP; set it back."""
    threads = torch.get_num_threads()
    numba.get_num_threads()
    torch.set_num_threads(threads)


_start_threads()

compiled = numba.njit(**_options)
"""What compiles a function that loops call; it has to be in their file, as Numba keeps what they were compiled to."""


def parallel(loop: Callable[..., None]) -> Callable[..., None]:
    """``loop`` on as many threads as PyTorch has, compiled when it is first called, and kept for other processes.

    >>> import numpy as np
    >>> @parallel
    ... def double(x):
    ...     for i in numba.prange(len(x)):
    ...         x[i] *= 2
    >>> x = np.arange(3)
    >>> double(x)
    >>> x.tolist()
    [0, 2, 4]
    """
    try:
        run_all = numba.njit(parallel=True, cache=True, **_options)(loop)
    except RuntimeError:  # there is no folder to keep it in
        run_all = numba.njit(parallel=True, **_options)(loop)

    def run(*args) -> None:
        threads = min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS)
        with _one_at_a_time:
            if getattr(_asked, 'threads', None) != threads:  # to ask for them takes as long as a small map
                numba.set_num_threads(threads)
                _asked.threads = threads
            run_all(*args)

    return run
