"""How the C library allocates memory in training."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_THRESHOLD = 2**30


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory, in blocks of up to one GiB, for the next tensors.

    By default it returns blocks of megabytes to the system at once, and the system clears every page of the next block.
    On a CPU that can cost as much as the arithmetic: activations of a few megabytes come and go thousands of times per
    second.

    Returns:
        Whether the setting was accepted. Only GNU's C library has it.

    >>> keep_freed_memory() in (True, False)
    True
    """
    if not sys.platform.startswith('linux'):
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    return mallopt is not None and all(mallopt(what, _THRESHOLD) for what in (_MMAP_THRESHOLD, _TRIM_THRESHOLD))
