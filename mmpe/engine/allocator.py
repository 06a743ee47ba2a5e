"""How the C library allocates memory in training."""

import ctypes
import mmap
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_THRESHOLD = 2**30


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory, in blocks of up to one GiB, for the next tensors.

    By default it returns blocks of megabytes to the system at once, and the system clears every page of the next block.
    On a CPU that can cost as much as the arithmetic: activations of a few megabytes come and go thousands of times per
    second. Most of the next GiB that it takes is in pages of 2 MiB where Linux has them on request. In pages of 4 KiB a
    few feature maps are more pages than a CPU remembers the places of.

    Returns:
        Whether the setting was accepted. Only GNU's C library has it.

    >>> keep_freed_memory() in (True, False)
    True
    """
    if not sys.platform.startswith('linux'):
        return False
    libc = ctypes.CDLL(None)
    mallopt = getattr(libc, 'mallopt', None)
    kept = mallopt is not None and all(mallopt(what, _THRESHOLD) for what in (_MMAP_THRESHOLD, _TRIM_THRESHOLD))
    if kept:
        _ask_for_huge_pages(libc)
    return kept


def _ask_for_huge_pages(libc: ctypes.CDLL) -> None:
    """For the heap that a block takes which is freed again, and kept. No page of it is touched."""
    libc.malloc.restype = ctypes.c_void_p
    size = _THRESHOLD // 8 * 7  # more, with what is free beside it, would go back to the system
    block = libc.malloc(ctypes.c_size_t(size))
    if block:
        start = -(-block // mmap.PAGESIZE) * mmap.PAGESIZE
        length = (block + size - start) // mmap.PAGESIZE * mmap.PAGESIZE
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), mmap.MADV_HUGEPAGE)
        libc.free(ctypes.c_void_p(block))
