"""LMDBs that are not complete, or that another process has open."""

import io
import multiprocessing
import subprocess
import sys
from contextlib import contextmanager

import lmdb
import pytest
from PIL import Image

from mmpe.datasets import PictureFolder
from mmpe.errors import InputError

OPEN = """
import lmdb, sys
environment = lmdb.open(sys.argv[1], subdir=sys.argv[2] == 'folder', readonly=sys.argv[3] != 'write', map_size=2**24)
transaction = environment.begin(write=sys.argv[3] == 'write')
if sys.argv[3] == 'write':
    transaction.put(b'1.png', transaction.get(b'0.png'))
if sys.argv[4] == 'ended':
    transaction.commit()
print('ready', flush=True)
sys.stdin.read()
"""
linux = pytest.mark.skipif(sys.platform != 'linux', reason='only Linux says who holds a lock')


@contextmanager
def another_process(*arguments):
    process = subprocess.Popen([sys.executable, '-c', OPEN, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b'ready\n'
        yield process
    finally:
        process.communicate()


def make(path, kind, num=1):
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(stream, 'PNG')
    environment = lmdb.open(str(path), subdir=kind == 'folder', map_size=2**24)
    with environment, environment.begin(write=True) as transaction:
        for i in range(num):
            transaction.put(b'%d.png' % i, stream.getvalue())
    return path


@linux
@pytest.mark.parametrize('kind', ['file', 'folder'])
@pytest.mark.parametrize('transaction', ['open', 'ended'])
def test_one_that_is_being_written_is_refused(tmp_path, kind, transaction):
    path = make(tmp_path / 'x.lmdb', kind)
    said = f'the LMDB {path} is being written: process .* has it open'
    with another_process(path, kind, 'write', transaction), pytest.raises(InputError, match=said):
        PictureFolder(str(path), 8)
    assert len(PictureFolder(str(path), 8)) == 1 + (transaction == 'ended')


@pytest.mark.parametrize('kind', ['file', 'folder'])
@pytest.mark.parametrize('transaction', ['open', 'ended'])
def test_one_that_is_read_elsewhere_is_read(tmp_path, kind, transaction):
    path = make(tmp_path / 'x.lmdb', kind)
    with another_process(path, kind, 'read', transaction):
        assert PictureFolder(str(path), 8)[0]['inputs'].shape == (3, 8, 8)


@linux
def test_processes_that_start_together_are_not_taken_for_writers(tmp_path):
    """Each looks whether somebody writes, for which it opens the LMDB for a moment."""
    path = make(tmp_path / 'x.lmdb', 'file')
    context = multiprocessing.get_context('fork')
    together = context.Barrier(4)

    def start():
        for _ in range(10):
            together.wait(20)  # seconds: one that has failed does not come
            PictureFolder(str(path), 8)

    with another_process(path, 'file', 'read', 'open'):
        processes = [context.Process(target=start) for _ in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    assert [process.exitcode for process in processes] == [0] * 4


@pytest.mark.parametrize('kind', ['file', 'folder'])
def test_one_that_is_written_to_meanwhile_is_refused(tmp_path, kind):
    path = make(tmp_path / 'x.lmdb', kind)
    dataset = PictureFolder(str(path), 8, skip_unreadable=True)
    with another_process(path, kind, 'write', 'ended'):
        pass
    with pytest.raises(InputError, match=f'the LMDB {path} was written to after it was listed'):
        dataset[0]


@pytest.mark.parametrize('kind', ['file', 'folder'])
@pytest.mark.parametrize('kept', [0.5, 0.9])
def test_one_that_is_cut_short_is_refused(tmp_path, kind, kept):
    """LMDB itself would have the process killed."""
    path = make(tmp_path / 'x.lmdb', kind, num=300)
    file = path / 'data.mdb' if kind == 'folder' else path
    dataset = PictureFolder(str(path), 8)
    size = file.stat().st_size
    with open(file, 'r+b') as stream:
        stream.truncate(int(size * kept))
    for read in (lambda: PictureFolder(str(path), 8), lambda: dataset[299]):
        with pytest.raises(InputError, match=rf'the LMDB {path} is not complete: it has \d+ of {size} bytes'):
            read()
