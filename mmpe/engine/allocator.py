"""Memory that is not given back to be asked for again."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_THRESHOLD = 2**30


def keep_freed_memory() -> bool:
    """Let the C library keep what tensors free, up to a GiB at a time, for the tensors to come.

    By default it returns blocks of megabytes to the system at once, which then clears every page of the next one. On a
    CPU that can cost as much as the arithmetic: activations of a few megabytes come and go thousands of times a second.

    Returns:
        Whether it did; only GNU's C library can be told.
    """
    if not sys.platform.startswith('linux'):
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    return mallopt is not None and all(mallopt(what, _THRESHOLD) for what in (_MMAP_THRESHOLD, _TRIM_THRESHOLD))
