"""tools/prepare.py: a folder as an LMDB, which gives the same tensors."""

import os
import resource
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import lmdb
import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

import mmpe.apis.prepare
from mmpe.apis.prepare import prepare
from mmpe.datasets import PictureFolder
from mmpe.errors import InputError

TOOL = str(Path(__file__).parents[1] / 'tools/prepare.py')
COFFEE = Image.fromarray(skimage.data.coffee())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Pictures of several formats, sizes, depths and orientations, with names that sort in other ways than bytes do."""
    exif = Image.Exif()
    exif[0x0112] = 6
    root = tmp_path / 'pictures'
    (root / 'b/deep').mkdir(parents=True)
    COFFEE.save(root / 'b/deep/large.jpg', exif=exif)
    COFFEE.crop((100, 100, 131, 117)).save(root / 'B.PNG')
    COFFEE.convert('CMYK').resize((99, 65)).save(root / 'c', 'JPEG')
    COFFEE.crop((0, 0, 24, 24)).save(root / 'same.webp', lossless=True)
    COFFEE.convert('L').save(root / os.fsdecode(b'caf\xe9.jpg'))
    COFFEE.quantize(16).save(root / '\U0001f600.gif')
    COFFEE.save(root / f'{"long " * 40}.png')
    (root / 'notes.txt').write_text('no picture')
    monkeypatch.chdir(tmp_path)
    return root


@pytest.fixture
def tool(monkeypatch, capsys):
    """Call the tool in this process; returns (exit code, stdout, last line of stderr)."""

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['prepare.py', *map(str, arguments), '--workers', '0'])
        code = 0
        try:
            runpy.run_path(TOOL, run_name='__main__')
        except SystemExit as error:
            code = error.code
        out, err = capsys.readouterr()
        assert 'Traceback' not in err
        return code, out, (err.strip().splitlines() or [''])[-1]

    return call


def items(data_root, size, **options):
    dataset = PictureFolder(str(data_root), size, **options)
    return torch.stack([dataset[i]['inputs'] for i in range(len(dataset))])


def hidden(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith('.')]


@pytest.mark.parametrize('arguments', [[], ['--format', 'png'], ['--format', 'bmp'], ['--reducing-gap', 'none']])
@pytest.mark.parametrize('size', [24, 61])
def test_a_data_set_reads_the_same_bits_in_the_same_order(folder, tool, arguments, size):
    assert tool('pictures', 'x.lmdb', '--size', size, *arguments)[0] == 0
    options = dict(reducing_gap=None) if 'none' in arguments else {}
    expected = items(folder, size, flip=True, **options)
    assert len(expected) == 14 and torch.equal(items('x.lmdb', size, flip=True), expected)
    assert sorted(path.name for path in Path.cwd().iterdir()) == ['pictures', 'x.lmdb']


@pytest.mark.parametrize('workers', [1, 2])
def test_any_number_of_processes_writes_the_same_file(folder, workers):
    for name, number in dict(alone=0, together=workers).items():
        prepare(folder, f'{name}.lmdb', 16, workers=number)
    assert Path('alone.lmdb').read_bytes() == Path('together.lmdb').read_bytes()


def test_values_are_lossless_pictures_of_the_size_for_any_reader(folder):
    prepare(folder, 'x.lmdb', 20, format='png')
    with lmdb.open('x.lmdb', subdir=False, readonly=True) as environment, environment.begin() as transaction:
        found = dict(transaction.cursor())
    Path('value.png').write_bytes(found[b'00000000-B.PNG.png'])
    assert Image.open('value.png').size == (20, 20)
    assert len(found) == 7 and max(map(len, found)) <= 511


def test_an_lmdb_may_be_prepared_again(folder):
    prepare(folder, 'large.lmdb', 64)
    prepare('large.lmdb', 'small.lmdb', 16)
    prepare('small.lmdb', 'again.lmdb', 16)
    assert torch.equal(items('small.lmdb', 16), items('large.lmdb', 16))
    assert torch.equal(items('small.lmdb', 16), items('again.lmdb', 16))


def test_names_that_are_longer_than_keys(tmp_path):
    for i in range(3):
        deep = tmp_path / 'pictures' / '/'.join(['long' * 40] * 5)
        deep.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (8, 8), (i, 0, 0)).save(deep / f'{i}.png')
    prepare(tmp_path / 'pictures', tmp_path / 'x.lmdb', 8)
    assert items(tmp_path / 'x.lmdb', 8)[:, 0, 0, 0].tolist() == [0, 1, 2]


def test_the_file_grows_as_it_must(tmp_path, monkeypatch):
    monkeypatch.setattr(mmpe.apis.prepare, '_FIRST_MAP', 2**16)
    monkeypatch.setattr(mmpe.apis.prepare, '_AT_ONCE', 7)
    prepare('skimage://lfw_subset', tmp_path / 'x.lmdb', 40, format='bmp')
    assert (tmp_path / 'x.lmdb').stat().st_size > 100 * 40 * 40 * 3
    assert torch.equal(items(tmp_path / 'x.lmdb', 40), items('skimage://lfw_subset', 40))


@pytest.mark.parametrize('workers', [0, 2])
def test_what_cannot_be_read_ends_it_or_is_left_out_and_named(folder, workers):
    expected = items(folder, 16)
    (folder / 'a.png').write_bytes(b'')
    (folder / 'z.jpg').write_bytes((folder / 'b/deep/large.jpg').read_bytes()[:2000])
    with pytest.raises(InputError, match=f'{folder}/a.png cannot be read .*--skip-unreadable'):
        prepare(folder, 'x.lmdb', 16, workers=workers)
    assert not Path('x.lmdb').exists() and not hidden(Path.cwd())
    prepared = prepare(folder, 'x.lmdb', 16, workers=workers, skip_unreadable=True)
    assert prepared.num_pictures == 7 and torch.equal(items('x.lmdb', 16), expected)
    assert [line.split(' cannot')[0] for line in prepared.left_out] == [f'{folder}/a.png', f'{folder}/z.jpg']


def test_the_tool_says_what_it_has_left_out(folder, tool):
    (folder / 'a.png').write_bytes(b'')
    code, out, _ = tool('pictures', 'x.lmdb', '--size', 16, '--skip-unreadable')
    first, second, third = out.splitlines()[-3:]
    assert code == 0 and first == 'wrote x.lmdb: 7 pictures of 16x16 pixels'
    assert second.startswith('1 pictures could not be read') and third.startswith('  pictures/a.png cannot be read')


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / 'pictures').mkdir()
    (tmp_path / 'pictures/a.png').write_bytes(b'')
    with pytest.raises(InputError, match='none of the 1 pictures in .* can be read'):
        prepare(tmp_path / 'pictures', tmp_path / 'x.lmdb', 8, skip_unreadable=True)
    assert not (tmp_path / 'x.lmdb').exists()


def test_what_is_there_is_replaced_only_if_asked(folder, tool):
    Path('x.lmdb').write_bytes(b'precious')
    code, _, said = tool('pictures', 'x.lmdb', '--size', 16)
    assert code == 2 and 'x.lmdb is there already' in said and '--overwrite' in said
    assert Path('x.lmdb').read_bytes() == b'precious'
    assert tool('pictures', 'x.lmdb', '--size', 16, '--overwrite')[0] == 0
    assert len(items('x.lmdb', 16)) == 7


@pytest.mark.parametrize(
    'arguments, message',
    [
        ('pictures pictures/x.lmdb --size 8', 'pictures/x.lmdb cannot be written: it is in the folder of the pictures'),
        ('pictures linked/x.lmdb --size 8', 'linked/x.lmdb cannot be written: it is in the folder of the pictures'),
        ('pictures x.zip --size 8', 'x.zip cannot be written: its name must end in .lmdb or .mdb'),
        ('pictures a_folder.lmdb --size 8 --overwrite', 'it is a folder'),
        ('old.lmdb old.lmdb --size 8 --overwrite', 'it is the input itself'),
        ('nowhere x.lmdb --size 8', 'there is no folder of pictures at nowhere'),
        ('empty x.lmdb --size 8', 'there are no pictures in empty'),
        ('pictures x.lmdb', 'required: --size'),
        *((f'pictures x.lmdb --size {size}', '--size') for size in ('0', '-1', '1.5', 'nan', '16x24', 'abc', '10x0')),
        ('pictures x.lmdb --size 99999', 'size=99999 cannot work'),
        ('pictures x.lmdb --size 20000', 'choose png or bmp'),
        ('pictures x.lmdb --size 8 --format jpeg', '--format'),
        ('pictures x.lmdb --size 8 --reducing-gap 0.5', 'at least 1'),
        ('pictures x.lmdb --size 8 --max-pixels 0', '--max-pixels'),
        ('pictures x.lmdb --size 8 --max-pixels 100', 'more than max_pixels=100'),
    ],
)
def test_what_cannot_be_is_one_line(folder, tool, arguments, message):
    Path('a_folder.lmdb').mkdir()
    Path('empty').mkdir()
    Path('linked').symlink_to('pictures/b')
    prepare('skimage://lfw_subset', 'old.lmdb', 8)
    before = sorted(Path.cwd().rglob('*'))
    code, _, said = tool(*arguments.split())
    assert code == 2 and message in said and said.startswith('error: ')
    assert sorted(Path.cwd().rglob('*')) == before


@pytest.mark.parametrize('number, left', [(signal.SIGINT, 0), (signal.SIGKILL, 1)])
def test_a_run_that_is_stopped_leaves_no_half_file(tmp_path, number, left):
    (tmp_path / 'pictures').mkdir()
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8))
    for i in range(2000):
        (tmp_path / f'pictures/{i}.png').symlink_to(tmp_path / 'noise.png')
    noise.save(tmp_path / 'noise.png')
    command = [sys.executable, TOOL, tmp_path / 'pictures', tmp_path / 'x.lmdb', '--size', '256', '--workers', '1']
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    while not list(tmp_path.glob('.mmpe-results-*/x.lmdb')):
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, number)
    _, said = process.communicate()
    assert process.returncode == (130 if number == signal.SIGINT else -9) and b'Traceback' not in said
    assert not (tmp_path / 'x.lmdb').exists() and len(hidden(tmp_path)) == left
    prepare('skimage://lfw_subset', tmp_path / 'x.lmdb', 8)  # which finds the lock of a process that has ended
    assert not hidden(tmp_path)


def test_a_full_disk_is_one_line(tmp_path, tool):
    """Of which a limit of the size of files stands in."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**18, before[1]))
    try:
        code, _, said = tool('skimage://lfw_subset', tmp_path / 'x.lmdb', '--size', 64, '--format', 'bmp')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert code == 2 and said.startswith(f'error: {tmp_path}/x.lmdb cannot be written: ')
    assert list(tmp_path.iterdir()) == []


def test_the_benchmark_reads_in_every_way(monkeypatch, capsys):
    tool = Path(TOOL).with_name('benchmark_pictures.py')
    options = dict(num=2, side=64, size=16, rounds=1, files=1200)
    arguments = [text for name, value in options.items() for text in (f'--{name}', str(value))]
    monkeypatch.setattr(sys, 'argv', [tool.name, *arguments])
    monkeypatch.setenv('TORCH_HOME', 'restored at the end')
    runpy.run_path(str(tool), run_name='__main__')
    rows = [line.strip('| ').split('|') for line in capsys.readouterr().out.splitlines() if line.startswith('|')]
    distances = [row[-1].strip() for row in rows[2:9]]
    assert distances[:2] == ['same bits'] * 2 and float(distances[2]) > float(distances[3])
    assert set(distances[4:]) == {distances[2]}
    assert [row[0].strip() for row in rows[-2:]] == ['1200 files `*.png`', '1200 files without extension']
