"""What the C library is told about memory, as Linux counts and marks it, in processes that have freed nothing yet."""

from pathlib import Path

import pytest
from new_process import run_python

HUGE_PAGES = Path('/sys/kernel/mm/transparent_hugepage')

# the marks of the mapping that the middle of the next block lies in: hg where huge pages are asked for
MARKS = """
import ctypes
from mmpe.engine.allocator import keep_freed_memory

if keep_freed_memory():
    block = ctypes.create_string_buffer(2**28)
    middle = ctypes.addressof(block) + 2**27
    inside = False
    for line in open('/proc/self/smaps'):
        name, *rest = line.split()
        if '-' in name and ':' not in name:
            start, end = (int(place, 16) for place in name.split('-'))
            inside = start <= middle < end
        elif inside and name == 'VmFlags:':
            print(*rest)
"""

GROWN = """
from mmpe.engine.allocator import keep_freed_memory

def resident():
    return int(open('/proc/self/statm').read().split()[1]) * 4096

keep_freed_memory()
before = resident()
keep_freed_memory()
print(resident() - before)
"""


@pytest.mark.skipif(not HUGE_PAGES.exists(), reason='there are no huge pages')
def test_the_next_memory_is_asked_for_in_huge_pages():
    marks = run_python(MARKS).split()
    if not marks:
        pytest.skip('the C library has no such setting')
    assert 'hg' in marks


@pytest.mark.skipif(not Path('/proc/self/statm').exists(), reason='not on Linux')
def test_nothing_is_taken_before_it_is_used():
    assert int(run_python(GROWN)) < 2**24
