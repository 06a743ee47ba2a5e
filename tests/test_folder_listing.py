"""The remembered listing of a folder, against what is there now."""

import multiprocessing
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

import mmpe.datasets.folder_listing as folder_listing
import mmpe.datasets.picture_sources as sources
from mmpe.datasets import PictureFolder

TEXT = b'not a picture'


def now_there(root):
    """All visible files that Pillow opens, by a walk of its own."""
    names = []
    for folder, folders, files in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith('.')]
        for name in files:
            path = Path(folder, name)
            try:
                Image.open(path).close()
            except OSError:
                continue
            names.append(path.relative_to(root).as_posix())
    return sorted(name for name in names if not name.rpartition('/')[2].startswith('.'))


def listed(root):
    return PictureFolder(str(root), 8).pictures.names


def save(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (8, 8), 'red').save(path, 'PNG')


def settle():
    """Until a change has another time than what is there."""
    time.sleep(0.04)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    monkeypatch.setattr(sources, '_MANY', 0)
    monkeypatch.setattr(folder_listing, '_TICK', 3 * 10**7)
    return tmp_path / 'torch/hub/mmpe'


@pytest.fixture
def root(tmp_path, cache):
    """Pictures with and without extension, and others, in nested folders, which have been listed before."""
    root = tmp_path / 'data'
    for name in ('1.png', '2', 'a/1', 'a/2.jpg', 'a/deep/er/1.png', 'b/1', 'b/.hidden/1.png', 'c d/1'):
        save(root / name)
    for name in ('text', 'a/text', 'a/deep/notes.txt'):
        (root / name).write_bytes(TEXT)
    save(tmp_path / 'elsewhere/er/1.png')
    (root / 'b/link').symlink_to(tmp_path / 'elsewhere')
    (root / 'b/1 too').symlink_to(root / '2')
    settle()
    assert listed(root) == now_there(root)
    return root


@pytest.fixture
def opened(monkeypatch):
    """Paths of the folders and files that are opened."""
    paths = []
    scandir, open_ = os.scandir, open
    monkeypatch.setattr(os, 'scandir', lambda path: paths.append(str(path)) or scandir(path))
    monkeypatch.setattr('builtins.open', lambda path, *args, **kw: paths.append(str(path)) or open_(path, *args, **kw))
    return paths


def test_what_has_not_changed_is_not_opened_again(root, opened, cache):
    before = {file: file.stat().st_mtime_ns for file in cache.iterdir()}
    expected = listed(root)
    assert not [path for path in opened if path.startswith(str(root))]
    assert len(expected) == 9 and len(before) == 1
    assert before == {file: file.stat().st_mtime_ns for file in cache.iterdir()}


def in_place(root):
    """Same name, inode and size, and the time of modification set back."""
    stat = os.stat(root / 'a/1')
    (root / 'a/1').write_bytes(TEXT.ljust(stat.st_size))
    os.utime(root / 'a/1', ns=(stat.st_atime_ns, stat.st_mtime_ns))


def add_and_set_the_time_back(root):
    """As rsync and tar leave folders."""
    stat = os.stat(root / 'a/deep')
    save(root / 'a/deep/new')
    os.utime(root / 'a/deep', ns=(stat.st_atime_ns, stat.st_mtime_ns))


def swap(root, one, other):
    (root / one).rename(root / 'meanwhile')
    (root / other).rename(root / one)
    (root / 'meanwhile').rename(root / other)


def folder_to_file(folder):
    shutil.rmtree(folder)
    save(folder)


def relink(root):
    (root / 'b/link').unlink()
    save(root.parent / 'elsewhere too/3')
    (root / 'b/link').symlink_to(root.parent / 'elsewhere too')


CHANGES = dict(
    nothing=lambda root: None,
    add=lambda root: save(root / 'a/deep/er/new.png'),
    add_without_extension=lambda root: save(root / 'b/new'),
    add_a_nested_folder=lambda root: save(root / 'b/new/deep/er/1'),
    remove=lambda root: (root / 'a/deep/er/1.png').unlink(),
    remove_a_folder=lambda root: shutil.rmtree(root / 'a'),
    remove_an_empty_folder=lambda root: shutil.rmtree(root / 'a/deep/er'),
    rename=lambda root: (root / 'a/1').rename(root / 'a/3'),
    rename_a_folder=lambda root: (root / 'a/deep').rename(root / 'a/deeper'),
    move_a_folder=lambda root: (root / 'a').rename(root / 'c d/a'),
    hide_a_folder=lambda root: (root / 'a').rename(root / '.a'),
    swap_folders=lambda root: swap(root, 'a', 'b'),
    swap_files=lambda root: swap(root, 'a/1', 'a/text'),
    replace_by_a_text=lambda root: (root / 'a/1').write_bytes(TEXT),
    replace_a_text=lambda root: save(root / 'text'),
    replace_in_place=in_place,
    replace_by_another_file=lambda root: (root / 'text').replace(root / '2'),
    add_and_set_the_time_back=add_and_set_the_time_back,
    folder_to_file=lambda root: folder_to_file(root / 'a/deep'),
    relink=relink,
    what_a_link_leads_to_becomes_a_file=lambda root: folder_to_file(root.parent / 'elsewhere'),
    what_a_link_leads_to_becomes_a_text=lambda root: (root / '2').write_bytes(TEXT),
    what_a_link_leads_to_goes=lambda root: (root / '2').unlink(),
)


@pytest.mark.parametrize('change', CHANGES.values(), ids=CHANGES)
def test_changes_are_seen(root, change):
    change(root)
    assert listed(root) == now_there(root)
    settle()
    for _ in range(2):
        assert listed(root) == now_there(root)


@pytest.mark.parametrize('clock', [1, 10**7, 10**9])
def test_changes_in_one_step_of_the_clock_are_seen(root, monkeypatch, clock):
    """File systems count time in steps of up to a second and more."""
    stat = os.stat

    def coarse(path):
        found = stat(path)
        times = {name: getattr(found, name) // clock * clock for name in ('st_mtime_ns', 'st_ctime_ns')}
        return SimpleNamespace(st_ino=found.st_ino, st_size=found.st_size, st_dev=found.st_dev, **times)

    monkeypatch.setattr(folder_listing, '_stat', coarse)
    for i in range(30):
        save(root / f'a/new {i}')
        assert f'a/new {i}' in listed(root)
        (root / 'b/1').write_bytes(TEXT if i % 2 else (root / '2').read_bytes())
        assert ('b/1' in listed(root)) != i % 2


def test_another_folder_of_the_same_path(root, tmp_path):
    root.rename(tmp_path / 'other')
    save(root / 'only.png')
    assert listed(root) == ['only.png']
    assert listed(tmp_path / 'other') == now_there(tmp_path / 'other')


def test_another_pillow_may_know_other_formats(root, opened, monkeypatch):
    monkeypatch.setattr(sources.PIL, '__version__', '99')
    assert listed(root) == now_there(root)
    assert str(root / 'text') in opened


DAMAGE = dict(
    empty=lambda file: file.write_bytes(b''),
    cut=lambda file: file.write_bytes(file.read_bytes()[:-40]),
    a_bit=lambda file: file.write_bytes(file.read_bytes().replace(b'1.png', b'3.png')),
    other_json=lambda file: file.write_bytes(b'[]'),
    no_text=lambda file: file.write_bytes(bytes(range(256))),
    a_folder=lambda file: (file.unlink(), file.mkdir()),
)


@pytest.mark.parametrize('damage', DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_memory_costs_nothing_but_time(root, cache, damage):
    (file,) = cache.iterdir()
    damage(file)
    assert listed(root) == now_there(root)


def test_a_memory_that_cannot_be_written_costs_nothing_but_time(root, cache, monkeypatch):
    said = []
    monkeypatch.setattr(folder_listing, 'print_log', lambda message, *_: said.append(message))
    shutil.rmtree(cache)
    cache.write_bytes(b'a file')
    assert listed(root) == now_there(root)
    assert [f'{root} will be listed again' in message for message in said] == [True]


def test_the_folder_itself_is_left_alone(root, cache):
    before = sorted(root.rglob('*'))
    listed(root)
    assert sorted(root.rglob('*')) == before
    (file,) = cache.iterdir()
    assert file.read_text().splitlines()[1].startswith('{"rules"')  # data, as text


def test_small_folders_are_not_remembered(root, cache, monkeypatch):
    shutil.rmtree(cache)
    monkeypatch.setattr(sources, '_MANY', 100)
    listed(root)
    assert not cache.exists()


def test_names_that_are_not_utf8(root):
    save(root / os.fsdecode(b'caf\xe9'))
    settle()
    for _ in range(2):
        assert os.fsdecode(b'caf\xe9') in listed(root)


def list_often(root, queue):
    queue.put([listed(root) for _ in range(10)])


def test_processes_that_list_at_once(root, cache):
    (root / 'text').unlink()
    settle()
    fork = multiprocessing.get_context('fork')
    queue = fork.Queue()
    processes = [fork.Process(target=list_often, args=(root, queue)) for _ in range(4)]
    for process in processes:
        process.start()
    found = [names for _ in processes for names in queue.get(timeout=60)]
    for process in processes:
        process.join()
    assert all(names == now_there(root) for names in found) and len(found) == 40
    assert len(list(cache.iterdir())) == 1
