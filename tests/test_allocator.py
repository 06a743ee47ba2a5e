"""What the C library is told about memory, as Linux counts its pages."""

import re
from pathlib import Path

import pytest

from mmpe.engine.allocator import keep_freed_memory

SETTING = Path('/sys/kernel/mm/transparent_hugepage/enabled')
BLOCK = 256 * 2**20


def huge_bytes():
    return 1024 * int(re.search(r'AnonHugePages: *(\d+) kB', Path('/proc/self/smaps_rollup').read_text())[1])


@pytest.mark.skipif(not SETTING.exists() or '[never]' in SETTING.read_text(), reason='there are no huge pages')
def test_the_next_memory_is_in_huge_pages():
    if not keep_freed_memory():
        pytest.skip('the C library has no such setting')
    before = huge_bytes()
    block = bytearray(BLOCK)
    block[::4096] = b'1' * (BLOCK // 4096)
    assert huge_bytes() - before > BLOCK // 4


@pytest.mark.skipif(not Path('/proc/self/statm').exists(), reason='not on Linux')
def test_nothing_is_taken_before_it_is_used():
    def resident():
        return int(Path('/proc/self/statm').read_text().split()[1]) * 4096

    keep_freed_memory()
    before = resident()
    keep_freed_memory()
    assert resident() - before < 2**24
