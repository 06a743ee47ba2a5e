"""What tools write: never over an input, over other people's files only if asked to, and as a set."""

import hashlib
import json
import multiprocessing
import os
import runpy
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from singan_runs import REPOSITORY, run, tiny_config

from mmpe.apis.results import ResultFolder
from mmpe.errors import InputError

FORK = multiprocessing.get_context('fork')


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('trained')
    config = tiny_config(work_dir, iters_per_scale=1)
    run(config)
    config.dump(work_dir / 'config.py')
    return work_dir


@pytest.fixture
def folder(tmp_path, trained, monkeypatch):
    """A folder of inputs, in which tools are called."""
    shutil.copy(trained / 'iter_3.pth', tmp_path / 'ck.pth')
    shutil.copy(trained / 'config.py', tmp_path)
    for name in ('picture.png', 'mask.png'):
        Image.fromarray(np.full((20, 30, 3), 255, np.uint8)).save(tmp_path / name)
    (tmp_path / 'noises.pkl').write_bytes(b'a pickle')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tool(monkeypatch, capsys):
    """Call a tool in this process; returns (exit code, stdout, last line of stderr)."""

    def call(command):
        name, *arguments = command.split()
        monkeypatch.setattr(sys, 'argv', [f'{name}.py', *arguments])
        code = 0
        try:
            runpy.run_path(str(REPOSITORY / f'tools/{name}.py'), run_name='__main__')
        except SystemExit as error:
            code = error.code
        out, err = capsys.readouterr()
        assert 'Traceback' not in err
        return code, out, (err.strip().splitlines() or [''])[-1]

    return call


@pytest.fixture
def no_work(monkeypatch):
    """Nothing is read that takes time before a command is refused."""

    def fail(*args, **kwargs):
        raise AssertionError('a checkpoint was read')

    monkeypatch.setattr(torch, 'load', fail)


def content(folder):
    files = [path for path in Path(folder).rglob('*') if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


# what a tool writes, where it reads INPUT
OVER_AN_INPUT = [
    ('audit ck.pth --out INPUT', ['ck.pth']),
    ('convert_checkpoint ck.pth --out INPUT', ['ck.pth']),
    (
        'convert_checkpoint ck.pth --pickle noises.pkl --picture picture.png --config config.py --out INPUT',
        ['noises.pkl', 'picture.png', 'config.py'],
    ),
    ('evaluate_singan ck.pth --json INPUT', ['ck.pth']),
    ('test config.py ck.pth --out INPUT', ['ck.pth', 'config.py']),
    (
        'test config.py ck.pth --out INPUT --cfg-options train_dataloader.dataset.data_root=picture.png '
        'a.list=[mask.png,1]',
        ['picture.png', 'mask.png'],
    ),
    ('edit animate ck.pth --out INPUT', ['ck.pth']),
]
WRITTEN_TO_A_FOLDER = [
    ('sample ck.pth --num 2 --out out', 'sample_001.png', ['ck.pth']),
    ('sample ck.pth --num 1 --out out', 'samples.png', ['ck.pth']),
    ('sample ck.pth --num 1 --reconstruction --out out', 'reconstruction.png', ['ck.pth']),
    ('sample ck.pth --num 1 --size 20x30 18x27 --out out', 'sample_000_20x30.png', ['ck.pth']),
    (
        'edit harmonise ck.pth --picture picture.png --mask mask.png --num 2 --out out',
        'edited_001.png',
        ['picture.png', 'mask.png'],
    ),
    ('edit paint ck.pth --painting picture.png --out out', 'sheet.png', ['picture.png']),
    ('edit paint ck.pth --painting picture.png --sheet --out out', 'edited_007.png', ['picture.png']),
    ('edit remove ck.pth --mask mask.png --out out', 'edited_000.png', ['mask.png']),
    ('edit layout ck.pth --sketch picture.png --labels mask.png --out out', 'edited_000.png', ['mask.png']),
    ('edit superres ck.pth --truth picture.png --out out', 'edited_000.png', ['picture.png']),
    ('train_folder picture.png --out out', 'index.html', ['picture.png']),
    ('train_folder picture.png --out out', 'contact_sheet.png', ['picture.png']),
]


def links(path, made, kind):
    made.parent.mkdir(parents=True, exist_ok=True)
    os.link(path, made) if kind == 'hard' else made.symlink_to(path.resolve())


@pytest.mark.parametrize('overwrite', ['', ' --overwrite'])
@pytest.mark.parametrize('command, inputs', OVER_AN_INPUT)
def test_an_output_that_is_an_input_is_refused(folder, tool, no_work, command, inputs, overwrite):
    before = content(folder)
    for name in inputs:
        for kind in ('hard', 'symbolic'):
            links(folder / name, folder / f'{kind} {name}'.replace(' ', '_'), kind)
    kept = content(folder)
    for name in inputs:
        for alias in (
            name,
            f'./{name}',
            str(folder / name),
            f'../{folder.name}/{name}',
            f'hard_{name}',
            f'symbolic_{name}',
        ):
            code, _, line = tool(command.replace('INPUT', alias) + overwrite)
            assert code == 2 and line.startswith('error: ') and 'write to another file' in line, line
            assert str(Path(alias)) in line
    assert content(folder) == kept and set(before.items()) <= set(kept.items())


@pytest.mark.parametrize('overwrite', ['', ' --overwrite'])
@pytest.mark.parametrize('command, written, inputs', WRITTEN_TO_A_FOLDER)
def test_a_file_of_a_folder_that_is_an_input_is_refused(folder, tool, no_work, command, written, inputs, overwrite):
    for name in inputs:
        for kind in ('hard', 'symbolic'):
            links(folder / name, folder / 'out' / written, kind)
            before = content(folder)
            code, _, line = tool(command + overwrite)
            assert code == 2 and f'out/{written}' in line and 'write to another file' in line, line
            assert content(folder) == before
            (folder / 'out' / written).unlink()


FOREIGN = [
    ('audit ck.pth --num 16 --out out/report.html', 'report.html'),
    ('convert_checkpoint ck.pth --out out/x.pth', 'x.pth'),
    ('evaluate_singan ck.pth --num 2 --json out/scores.json', 'scores.json'),
    ('test config.py ck.pth --out out/scores.json', 'scores.json'),
    ('edit animate ck.pth --frames 2 --out out/walk.gif', 'walk.gif'),
    *((command, written) for command, written, _ in WRITTEN_TO_A_FOLDER),
    ('claims --claim 1 --out out', 'cpu/claim_1.png'),
    ('claims --claim 1 --out out', 'cpu/claims.md'),
    ('gallery --only rocket --out out', 'rocket.png'),
    ('gallery --only rocket --out out', 'gallery.md'),
]


@pytest.mark.parametrize('kind', ['text', 'picture', 'json', 'empty', 'folder'])
@pytest.mark.parametrize('command, written', FOREIGN)
def test_a_foreign_file_is_refused_before_the_work(folder, tool, no_work, command, written, kind):
    file = folder / 'out' / written
    file.parent.mkdir(parents=True)
    if kind == 'picture':
        shutil.copy(folder / 'picture.png', file)
    elif kind == 'folder':
        file.mkdir()
    else:
        file.write_text(dict(text='mine', json='{"name": "mine"}', empty='')[kind])
    before = content(folder)
    code, _, line = tool(command)
    assert code == 2 and f'out/{written}' in line, line
    assert ('it is a folder' if kind == 'folder' else '--overwrite') in line
    assert content(folder) == before


COMMANDS = [
    'evaluate_singan ck.pth --num 2 --json out/scores.json',
    'edit animate ck.pth --frames 2 --out out/walk.gif',
    'edit animate ck.pth --frames 2 --out out/walk.webp',
    'edit animate ck.pth --frames 2 --out out/walk.mp4',
    'sample ck.pth --num 2 --reconstruction --out out',
    'edit paint ck.pth --painting picture.png --num 1 --out out',
]


@pytest.mark.parametrize('command', COMMANDS)
def test_the_same_command_again_just_works_and_foreign_files_go_only_if_asked(folder, tool, command):
    assert tool(command)[0] == 0
    first = names(folder / 'out')
    assert not any(name.startswith('.') for name in first)
    assert tool(command)[0] == 0 and names(folder / 'out') == first
    for name in first:
        (folder / 'out' / name).write_text('somebody else wrote this')
    assert tool(command)[0] == 2
    assert tool(command + ' --overwrite')[0] == 0
    assert not any(b'somebody' in (folder / 'out' / name).read_bytes() for name in first)
    assert tool(command)[0] == 0


def test_a_smaller_set_replaces_the_larger_one(folder, tool):
    sample = 'sample ck.pth --out out'
    tool(f'{sample} --num 5 --reconstruction')
    for name in (
        'sample_004 copy.png',
        'sample_my.png',
        'notes.txt',
        'sample_007.png',
        'sample_0001_20x30.png',
        'sample_000_9x9.png',
    ):
        (folder / 'out' / name).write_text('mine')
    mine = {name: 'mine' for name in names(folder / 'out') if (folder / 'out' / name).stat().st_size == 4}
    assert tool(f'{sample} --num 2')[0] == 0
    assert set(names(folder / 'out')) - set(mine) == {'sample_000.png', 'sample_001.png', 'samples.png'}
    assert all((folder / 'out' / name).read_text() == 'mine' for name in mine)
    assert tool(f'{sample} --num 2 --size 18x27 20x30')[0] == 0
    assert 'sample_000.png' not in names(folder / 'out') and 'sample_000_18x27.png' in names(folder / 'out')
    assert set(mine) <= set(names(folder / 'out'))
    assert tool(f'{sample} --num 8')[0] == 2  # now sample_007.png would be replaced


def test_tools_leave_each_others_sets_alone(folder, tool):
    for command in (
        'sample ck.pth --num 3 --reconstruction --out out',
        'edit paint ck.pth --painting picture.png --num 3 --out out',
        'edit animate ck.pth --frames 2 --out out/walk.gif',
    ):
        assert tool(command)[0] == 0
    before = content(folder / 'out')
    assert tool('edit tile ck.pth --num 1 --out out')[0] == 0  # another task of the same tool
    after = content(folder / 'out')
    assert set(before) - set(after) == {'edited_001.png', 'edited_002.png'}
    assert {name: digest for name, digest in after.items() if not name.startswith(('edited', 'sheet'))}.items() <= (
        before.items()
    )
    assert tool('sample ck.pth --num 1 --out out')[0] == 0
    assert not {'sample_001.png', 'reconstruction.png'} & set(names(folder / 'out'))
    assert {'edited_000.png', 'walk.gif'} <= set(names(folder / 'out'))


def picture_set(folder, brightness, num, fail_at=None):
    """Write a set of pictures."""
    from mmpe.visualization import save_picture

    with ResultFolder('sample', folder, r'sample_\d+\.png').writing() as staging:
        for i in range(num):
            if i == fail_at:
                raise OSError('the disk is full')
            save_picture(torch.full((3, 4, 4), brightness), staging / f'sample_{i:03}.png')


def brightness_of(folder):
    return [int(np.asarray(Image.open(folder / name))[0, 0, 0]) for name in names(folder)]


def test_a_set_that_fails_leaves_the_earlier_one(tmp_path):
    picture_set(tmp_path / 'out', -1.0, 4)
    before = content(tmp_path)
    for error_at in (0, 1, 2):
        with pytest.raises(OSError):
            picture_set(tmp_path / 'out', 1.0, 3, error_at)
        assert content(tmp_path) == before and names(tmp_path / 'out') == [f'sample_{i:03}.png' for i in range(4)]


@pytest.mark.parametrize('command', COMMANDS)
def test_a_full_disk_is_one_line_and_leaves_the_earlier_results(folder, tool, command):
    resource = pytest.importorskip('resource')
    tool(command)
    before, limits = content(folder), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (120, limits[1]))
    try:
        code, _, line = tool(command)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2 and line.startswith('error: ') and 'cannot be written' in line, line
    assert line.startswith('error: out/') and '.mmpe' not in line
    assert content(folder) == before and not any(name.startswith('.') for name in names(folder / 'out'))


def test_what_converts_knows_its_checkpoints_again(folder, tool):
    """By what PyTorch stores as it is, not compressed."""
    torch.save(dict(meta=dict(converted_from='a.pth'), state_dict={}), folder / 'own.pth')
    for name, refused_for in (('own.pth', 'is an mmpe checkpoint already'), ('noises.pkl', '--overwrite')):
        code, _, line = tool(f'convert_checkpoint ck.pth --out {name}')
        assert code == 2 and refused_for in line, line


def killed_at(call, folder):
    """Write a set, and be killed at a call of a function that moves or removes files."""
    count = iter(range(100))

    def or_die(function):
        def counted(*args, **kwargs):
            if next(count) == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return counted

    os.replace, Path.unlink = or_die(os.replace), or_die(Path.unlink)
    picture_set(folder, 1.0, 3)


@pytest.mark.parametrize('call', range(0, 16, 3))
def test_killed_at_any_moment_the_same_command_works_again(tmp_path, call):
    out = tmp_path / 'out'
    picture_set(out, -1.0, 5)
    process = FORK.Process(target=killed_at, args=(call, out))
    process.start()
    process.join(30)
    assert process.exitcode in (-signal.SIGKILL, 0)
    visible = [name for name in names(out) if not name.startswith('.')]
    assert visible[:3] == ['sample_000.png', 'sample_001.png', 'sample_002.png']  # each old or new, none lost
    picture_set(out, 1.0, 3)
    assert brightness_of(out) == [255] * 3  # and nothing hidden is left


def test_a_set_that_is_being_written_is_not_taken_for_a_killed_one(tmp_path):
    with ResultFolder('sample', tmp_path / 'out', r'a\d').writing() as staging:
        (staging / 'a1').write_text('made by mmpe sample')
        process = FORK.Process(target=picture_set, args=(tmp_path / 'out', 1.0, 2))
        process.start()
        process.join(30)
        assert process.exitcode == 0
    assert names(tmp_path / 'out') == ['a1', 'sample_000.png', 'sample_001.png']


def test_a_link_in_the_folder_is_written_through(tmp_path):
    (tmp_path / 'out').mkdir()
    picture_set(tmp_path / 'real', -1.0, 1)
    (tmp_path / 'out/sample_000.png').symlink_to('../real/sample_000.png')
    picture_set(tmp_path / 'out', 1.0, 1)
    assert (tmp_path / 'out/sample_000.png').is_symlink() and brightness_of(tmp_path / 'real') == [255]


def test_read_only_files_are_refused_even_with_overwrite(folder, tool, no_work):
    (folder / 'out').mkdir()
    for command, written in (('sample ck.pth --out out', 'sample_000.png'), (FOREIGN[0][0], 'report.html')):
        (folder / 'out' / written).write_text('mine')
        (folder / 'out' / written).chmod(0o444)
        code, _, line = tool(command + ' --overwrite')
        assert code == 2 and 'read-only' in line and written in line


@pytest.mark.parametrize(
    'command, message',
    [
        ('audit ck.pth --out report.pdf', 'must end in .htm or .html'),
        ('audit ck.pth --out folder', 'it is a folder'),
        ('evaluate_singan ck.pth --json folder', 'it is a folder'),
        ('convert_checkpoint ck.pth --out folder', 'it is a folder'),
        ('test config.py ck.pth --out folder', 'it is a folder'),
        ('edit animate ck.pth --out folder', 'it is a folder'),
        ('sample ck.pth --out mask.png', 'mask.png is a file'),
        ('sample ck.pth --out mask.png/below', 'mask.png is a file'),
        ('edit remove ck.pth --mask mask.png --out picture.png', 'picture.png is a file'),
        ('audit ck.pth --out mask.png/x.html', 'mask.png is a file'),
        ('train_folder picture.png --out mask.png', 'mask.png is a file'),
        ('claims --out mask.png', 'mask.png is a file'),
        ('gallery --out mask.png', 'mask.png is a file'),
    ],
)
def test_a_folder_for_a_file_and_a_file_for_a_folder(folder, tool, no_work, command, message):
    (folder / 'folder').mkdir()
    code, _, line = tool(command)
    assert code == 2 and message in line, line


def test_a_name_for_no_animation_is_refused(folder, tool):
    code, _, line = tool('edit animate ck.pth --out walk.xyz')
    assert code == 2 and 'it ends in one of .gif, .webp, .mp4' in line


def test_scores_of_an_earlier_call_are_replaced(folder, tool):
    (folder / 'scores.json').write_text(json.dumps({'mine': {'structure': 1}}))
    assert tool('evaluate_singan ck.pth --num 2 --json scores.json')[0] == 2
    with pytest.raises(InputError):
        ResultFolder('claims', folder, r'scores\.json').check(lambda name: True)
