"""Files are written whole or not at all, through one writer, whatever is in the way."""

import errno
import json
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmpe.editing import Animation
from mmpe.errors import InputError
from mmpe.files import WriteError, atomic, check_output, check_writable, write_atomic
from mmpe.visualization import save_picture, save_sheet
from mmpe.visualization.page import write_page

resource = pytest.importorskip('resource')
needs_links = pytest.mark.skipif(os.name == 'nt', reason='needs symbolic links and permissions')
NOISE = torch.rand(3, 64, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
FRAMES = torch.rand(6, 3, 48, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1


def figure(path):
    from mmpe.analysis.figures import new_figure

    drawn = new_figure(4, 3)
    drawn.subplots().plot(np.random.default_rng(0).random(500))
    with atomic(path) as part:
        drawn.savefig(part)


WRITERS = dict(
    text=('x.txt', lambda path: write_atomic(path, 'é' * 10_000)),
    picture=('x.png', lambda path: save_picture(NOISE, path)),
    jpeg=('x.jpg', lambda path: save_picture(NOISE, path)),
    sheet=('sheet.webp', lambda path: save_sheet([NOISE, NOISE], path)),
    page=('x.html', lambda path: write_page(path, 'title', 's' * 10_000, [])),
    gif=('x.gif', lambda path: Animation(FRAMES).save(path)),
    webp=('x.webp', lambda path: Animation(FRAMES).save(path)),
    mp4=('x.mp4', lambda path: Animation(FRAMES).save(path)),
    figure=('x.png', figure),
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def small_files():
    """No file of this process, or its children, grows beyond 2000 bytes: a disk that is full in the middle."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize('kind', WRITERS)
@pytest.mark.parametrize('is_there', [True, False])
def test_a_full_disk_leaves_what_was_there(small_files, tmp_path, kind, is_there):
    name, write = WRITERS[kind]
    if is_there:
        (tmp_path / name).write_bytes(b'old')
    with pytest.raises(OSError, match='cannot be written') as caught:
        write(tmp_path / name)
    assert '\n' not in str(caught.value) and str(tmp_path / name) in str(caught.value)
    assert names(tmp_path) == ([name] if is_there else [])
    assert not is_there or (tmp_path / name).read_bytes() == b'old'


@pytest.mark.parametrize('kind', WRITERS)
def test_every_writer_makes_its_folder_and_leaves_one_file(tmp_path, kind):
    name, write = WRITERS[kind]
    write(tmp_path / 'new/folder' / name)
    assert names(tmp_path / 'new/folder') == [name]


def test_any_error_and_ctrl_c_leave_what_was_there(tmp_path):
    (tmp_path / 'x.txt').write_text('old')
    for error in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error), atomic(tmp_path / 'x.txt') as part:
            part.write_text('half')
            raise error
    assert (tmp_path / 'x.txt').read_text() == 'old' and names(tmp_path) == ['x.txt']


@needs_links
@pytest.mark.parametrize('relative', [True, False])
@pytest.mark.parametrize('exists', [True, False])
def test_a_symbolic_link_is_written_through(tmp_path, relative, exists):
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / 'links').mkdir()
    target = tmp_path / 'elsewhere/real.txt'
    if exists:
        target.write_text('old')
    link = tmp_path / 'links/link.txt'
    link.symlink_to('../elsewhere/real.txt' if relative else target)
    write_atomic(link, 'new')
    assert link.is_symlink() and target.read_text() == 'new' and not target.is_symlink()
    assert names(tmp_path / 'elsewhere') == ['real.txt'] and names(tmp_path / 'links') == ['link.txt']


@needs_links
def test_a_link_to_itself_is_an_error(tmp_path):
    (tmp_path / 'loop').symlink_to('loop')
    with pytest.raises(WriteError):
        write_atomic(tmp_path / 'loop', 'x')
    with pytest.raises(InputError, match='link to itself'):
        check_output(tmp_path / 'loop')


@needs_links
@pytest.mark.parametrize('umask, mode', [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_new_files_have_the_permissions_of_the_umask_and_old_ones_keep_theirs(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        for name, write in [WRITERS['picture'], WRITERS['text']]:
            write(tmp_path / name)
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
            (tmp_path / name).chmod(0o640)
            write(tmp_path / name)
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o640
    finally:
        os.umask(before)


@needs_links
def test_a_read_only_file_is_not_replaced(tmp_path):
    (tmp_path / 'x.txt').write_text('old')
    (tmp_path / 'x.txt').chmod(0o444)
    with pytest.raises(InputError, match='read-only'):
        check_output(tmp_path / 'x.txt')
    with pytest.raises(WriteError, match='read-only'):
        write_atomic(tmp_path / 'x.txt', 'new')
    assert (tmp_path / 'x.txt').read_text() == 'old'


@needs_links
def test_pipes_and_devices_are_written_and_stay(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    reader = subprocess.Popen(['cat', tmp_path / 'pipe'], stdout=subprocess.PIPE, text=True)
    write_atomic(tmp_path / 'pipe', 'through')
    assert reader.communicate(timeout=10)[0] == 'through'
    assert stat.S_ISFIFO((tmp_path / 'pipe').stat().st_mode) and names(tmp_path) == ['pipe']
    write_atomic('/dev/null', 'nothing')
    assert stat.S_ISCHR(Path('/dev/null').stat().st_mode)
    full = Path('/dev/full')
    if full.exists():
        with pytest.raises(WriteError) as caught:
            write_atomic(full, 'nothing')
        assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize('name', ['x' * 251 + '.txt', 'x' * 255, '図' * 80 + '.png', '.hidden', '-dash', 'a\nb.txt'])
def test_odd_names(tmp_path, name):
    write_atomic(tmp_path / name, 'text')
    assert names(tmp_path) == [name]


def write_for_ever(path, letter):
    while True:
        write_atomic(path, letter * 100_000)


def test_two_writers_and_kills_never_leave_half_a_file(tmp_path):
    path = tmp_path / 'x.txt'
    context = multiprocessing.get_context('fork')
    for _ in range(3):
        writers = [context.Process(target=write_for_ever, args=(path, letter)) for letter in 'ab']
        for writer in writers:
            writer.start()
        until = time.monotonic() + 0.3
        while time.monotonic() < until or not path.exists():
            text = path.read_text() if path.exists() else ''
            assert text in ('', 'a' * 100_000, 'b' * 100_000)
        for writer in writers:
            os.kill(writer.pid, signal.SIGKILL)
            writer.join()
        assert path.read_text() in ('a' * 100_000, 'b' * 100_000)


@pytest.mark.parametrize('name', ['x.xyz', 'x', 'x.txt', '.png', 'x.'])
def test_a_picture_of_no_format_is_refused_by_its_name(tmp_path, name):
    with pytest.raises(InputError, match='no format for pictures ends in'):
        save_picture(NOISE, tmp_path / name)
    assert names(tmp_path) == []


def test_what_is_written_is_what_was_given(tmp_path):
    save_picture(NOISE, tmp_path / 'x.png')
    expected = ((NOISE.double() + 1) * 127.5).round().permute(1, 2, 0).numpy()
    assert (np.asarray(Image.open(tmp_path / 'x.png')) == expected).all()
    write_atomic(tmp_path / 'x.json', json.dumps(dict(é=1), ensure_ascii=False))
    assert json.loads((tmp_path / 'x.json').read_text(encoding='utf-8')) == dict(é=1)


def aliases(path):
    """Other paths to the same file."""
    folder = path.parent
    (folder / 'link').symlink_to(path)
    (folder / 'link to a link').symlink_to('link')
    os.link(path, folder / 'hard link')
    (folder / 'same folder').symlink_to(folder)
    yield path
    yield from (folder / 'link', folder / 'link to a link', folder / 'hard link', folder / 'same folder' / path.name)
    yield folder / 'same folder' / '..' / folder.name / path.name
    yield Path(os.path.relpath(path))


@needs_links
def test_an_input_is_no_output_by_whatever_path(tmp_path):
    path = tmp_path / 'input.pth'
    path.write_text('precious')
    for alias in aliases(path):
        with pytest.raises(InputError, match='write to another file'):
            check_output(alias, [tmp_path / 'other', path])
        with pytest.raises(InputError, match='write to another file'):
            check_output(path, [alias])
    check_output(tmp_path / 'copy.pth', [path])


@needs_links
def test_folders_and_files_in_the_way(tmp_path):
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'file').write_text('')
    (tmp_path / 'nowhere').symlink_to('nothing')
    with pytest.raises(InputError, match='it is a folder; give the path of a file'):
        check_output(tmp_path / 'folder')
    for folder in ('file', 'file/below', 'nowhere', 'nowhere/below'):
        with pytest.raises(InputError, match='cannot be written'):
            check_writable(tmp_path / folder)
    with pytest.raises(InputError, match='cannot be written'):
        check_output(tmp_path / 'file/x.html')
    with pytest.raises(InputError, match='its name must end in .htm or .html'):
        check_output(tmp_path / 'x.pdf', suffixes=('.html', '.htm'))
    check_output(tmp_path / 'new/x.HTML', suffixes=('.html', '.htm'))
    check_writable(tmp_path / 'new/folder')
    assert names(tmp_path) == ['file', 'folder', 'nowhere']


@pytest.mark.skipif(sys.platform != 'linux', reason='needs setpriv or su')
def test_a_folder_without_permission(tmp_path):
    """Root may write anywhere, so another user tries."""
    (tmp_path / 'closed').mkdir(mode=0o555)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and len(folder.parts) > 2:
            folder.chmod(folder.stat().st_mode | 0o055)

    def attempt(queue):
        if os.getuid() == 0:
            os.setuid(65534)
        try:
            check_output(tmp_path / 'closed/x.txt')
            queue.put('')
        except InputError as error:
            queue.put(str(error))

    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    process = context.Process(target=attempt, args=(queue,))
    process.start()
    assert 'no permission to write to' in queue.get(timeout=10)
    process.join()
