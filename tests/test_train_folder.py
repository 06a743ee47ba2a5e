"""tools/train_folder.py: one SinGAN a picture, whatever happens to some of them."""

import os
import re
import runpy
import shutil
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
import torch
from mmengine.config import Config
from mmengine.visualization import LocalVisBackend
from PIL import Image
from singan_runs import CSG, REPOSITORY, assert_same, checkpoint

from mmpe.apis import load_singan, subprocesses
from mmpe.apis.launchers import Rank, find_rank, without_launcher
from mmpe.apis.logged_progress import LoggedProgress, read_progress, scalar_files, with_scalars
from mmpe.apis.many_pictures import find_config, find_pictures, picture_config
from mmpe.apis.one_picture import finished_model, is_done, train_picture
from mmpe.apis.workers import Workers, plan_workers
from mmpe.cli import train_folder
from mmpe.datasets import read_picture, resize
from mmpe.errors import InputError
from mmpe.progress import reporting
from mmpe.visualization.page import Entry, write_page

TOOL = REPOSITORY / 'tools/train_folder.py'
ITERATIONS = 12
OPTIONS = [
    f'model.iters_per_scale={ITERATIONS}',
    'model.generator.base_channels=4',
    'model.discriminator.base_channels=4',
    'train_dataloader.dataset.min_size=22',
    'train_dataloader.dataset.max_size=36',
    'default_hooks.logger.interval=1',
    'default_hooks.checkpoint.interval=1',
    'default_hooks.checkpoint.max_keep_ckpts=-1',
]


def run_tool(*arguments, options=OPTIONS):
    """Run the tool in this process; returns the exit code. Its children are processes, as always."""
    argv = ['train_folder.py', *map(str, arguments), '--config', str(CSG), '--devices', 'cpu', '--threads', '1']
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', [*argv, '--cfg-options', *options])
        try:
            runpy.run_path(str(TOOL), run_name='__main__')
        except SystemExit as exit_:
            return exit_.code
    return 0


def photograph(name, path):
    picture = resize(read_picture(f'skimage://{name}'), (48, 72))[0].add(1).mul(127.5).byte()
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture.permute(1, 2, 0).numpy()).save(path)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Two pictures of one name and one that is none, in a folder; (folder, out, exit code)."""
    root = tmp_path_factory.mktemp('many')
    photograph('rocket', root / 'pictures/a.png')
    photograph('coffee', root / 'pictures/sub & more/a.png')
    (root / 'pictures/broken.jpg').write_text('no picture')
    return root / 'pictures', root / 'out', run_tool(root / 'pictures', '--out', root / 'out')


def last(work_dir):
    return max(Path(work_dir).glob('iter_*.pth'), key=lambda path: int(path.stem[5:]))


def test_a_broken_picture_is_reported_and_the_others_are_finished(trained, capsys):
    folder, out, code = trained
    assert code == 1
    for name in ('a.png', 'sub & more/a.png'):
        model = load_singan(last(out / name))
        finest = resize(read_picture(str(folder / name)), model.scaled_sizes()[-1])
        assert torch.equal(model.picture, finest)  # each its own, although they have one name
    line = (out / 'broken.jpg/failed.txt').read_text()
    assert line == f'{folder / "broken.jpg"} cannot be read as a picture: it has no known format\n'
    assert not list((out / 'broken.jpg').glob('*.pth'))


def test_the_page_links_to_what_is_there_and_lists_failures(trained):
    folder, out, _ = trained
    page = (out / 'index.html').read_text()
    links = {unquote(link) for link in re.findall(r'(?:href|src)="([^"]*)"', page)}
    assert len(links) == 2 * (6 + 4) + 1
    assert all((out / link).exists() and not Path(link).is_absolute() for link in links)
    assert '2 of 3 pictures are trained' in page
    assert f'<b>broken.jpg</b>: {folder / "broken.jpg"} cannot be read' in page
    assert '<h2 id="sub%20%26%20more/a.png">sub &amp; more/a.png</h2>' in page
    assert page.count('structure') == page.count('reconstruction rmse') == 2
    original = read_picture(str(out / 'a.png/result/original.png'))
    assert (original - load_singan(last(out / 'a.png')).picture).abs().max() < 2 / 255
    with Image.open(out / 'contact_sheet.png') as sheet:
        assert sheet.width > 6 * 36 and sheet.height > 2 * 24


def test_a_second_call_trains_nothing_that_is_done(trained, monkeypatch, capsys):
    folder, out, _ = trained
    monkeypatch.setattr(subprocesses.subprocess, 'Popen', None)
    before = {path: path.stat().st_mtime_ns for path in out.rglob('*') if path.is_file() and path.parent != out}
    assert run_tool(folder / 'a.png', '--out', out) == 0
    assert run_tool(folder / 'sub & more', '--out', out / 'sub & more') == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    (out / 'index.html').unlink()
    assert run_tool(folder, '--out', out, '--index-only') == 0
    assert 'broken.jpg' in (out / 'index.html').read_text()
    assert '1 pictures' not in capsys.readouterr().err


def test_another_config_or_picture_is_not_taken_for_what_is_done(trained):
    folder, out, _ = trained

    def config(picture='a.png', **options):
        options = {key.replace('__', '.'): value for key, value in options.items()}
        return picture_config(find_config(str(out / 'a.png/config.py'), options), folder / picture, out / 'a.png')

    assert is_done(config()) and is_done(config(default_hooks__logger__interval=2))
    for message, other in (
        ('another config', config(model__lr_gamma=0.5)),
        ('another picture', config('sub & more/a.png')),
        ('another picture', config(train_dataloader__dataset__max_size=35)),
    ):
        assert not is_done(other)
        with pytest.raises(InputError, match=f'was trained {"with" if "config" in message else "on"} {message}: give'):
            finished_model(other)


def test_what_another_config_has_begun_is_not_gone_on_with(trained, tmp_path):
    folder, out, _ = trained
    begun = tmp_path / 'a.png'
    begun.mkdir()
    shutil.copy(out / 'a.png/iter_3.pth', begun)
    (begun / 'last_checkpoint').write_text(str(begun / 'iter_3.pth'))
    same, other = (
        picture_config(find_config(str(out / 'a.png/config.py'), options), folder / 'a.png', begun)
        for options in ({}, {'model.lr_gamma': 0.5})
    )
    assert finished_model(same) is None
    with pytest.raises(InputError, match='was trained with another config: give'):
        train_picture(other)


def test_killed_interrupted_and_called_again_it_gives_the_same_weights(trained, tmp_path, monkeypatch, capsys):
    folder, unbroken, _ = trained
    end = last(unbroken / 'a.png').name
    monkeypatch.setattr(subprocesses, '_POLL', 0.01)

    def strike(after, blow):
        def show(progress, children, waiting):
            if children and children[0].process.poll() is None and (children[0].folder / f'iter_{after}.pth').exists():
                assert not (children[0].folder / end).exists()
                blow(children[0])

        monkeypatch.setattr(subprocesses._Progress, 'show', show)
        return run_tool(folder / 'a.png', '--out', tmp_path)

    assert strike(3, lambda child: child.process.kill()) == 1
    assert 'a.png: the process was ended by SIGKILL' in capsys.readouterr().err
    assert strike(8, lambda child: signal.raise_signal(signal.SIGINT)) == 130
    assert 'interrupted after iteration' in (tmp_path / 'a.png/output.txt').read_text()
    assert 8 <= int(last(tmp_path / 'a.png').stem[5:]) < int(end[5:-4])
    monkeypatch.undo()
    assert run_tool(folder / 'a.png', '--out', tmp_path) == 0
    assert not (tmp_path / 'a.png/failed.txt').exists()
    for key in ('state_dict', 'optimizer'):
        broken, whole = (checkpoint(where / 'a.png', int(end[5:-4]))[key] for where in (tmp_path, unbroken))
        assert_same(broken, whole)


# -------------------------------------------------------------------- names


def test_names_are_paths_in_the_folder_and_results_are_no_pictures(tmp_path):
    for name in ('a.png', 'a.jpg', 'b/a.png', 'out/a.png/result/sample_0.png', '.hidden/a.png'):
        photograph('rocket', tmp_path / name)
    expected = ['a.jpg', 'a.png', 'b/a.png']
    assert find_pictures([str(tmp_path)], tmp_path / 'out') == {name: str(tmp_path / name) for name in expected}
    sources = ['skimage://rocket', str(tmp_path / 'b/a.png')]
    assert list(find_pictures(sources, tmp_path / 'out')) == ['rocket', 'a.png']


@pytest.mark.parametrize(
    'sources, message',
    [
        (['nothing'], 'there is no picture and no folder of pictures at nothing'),
        (['empty'], 'there are no pictures in'),
        (['skimage://rokcet'], "scikit-image has no picture 'rokcet'"),
        (['a.png', 'b/a.png'], 'would share the folder a.png'),
        (['out'], 'is the folder of the pictures'),
        (['parent'], 'are below'),
    ],
)
def test_what_cannot_be_trained_on(sources, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ('a.png', 'b/a.png', 'out/a.png', 'parent/out/a.png'):
        photograph('rocket', tmp_path / name)
    (tmp_path / 'empty').mkdir()
    assert run_tool(*sources, '--out', 'parent/out' if sources == ['parent'] else 'out') == 2
    streams = capsys.readouterr()
    assert streams.out == '' and message in streams.err and streams.err.count('\n') == 1


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--config', 'nothing.py'], 'there is no config at nothing.py'),
        (['--config', 'mmpe::nothing.py'], 'there is no config mmpe::nothing.py in an installed package'),
        (['--config', 'mmpe::dcgan/dcgan_quickstart.py'], 'give a config of a SinGAN'),
        (['--devices', 'cuda:77'], "there is no device 'cuda:77' here: there are"),
        (['--out', __file__], 'cannot be written'),
        (['--cfg-options', 'model.iters_per_scale=0'], 'iters_per_scale=0 cannot work: it must be at least 1'),
        (['--cfg-options', 'model.generator.x=1'], "unexpected keyword argument 'x'"),
    ],
)
def test_wrong_arguments(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, 'argv', ['train_folder.py', 'skimage://rocket', '--out', str(tmp_path / 'out'), *arguments]
    )
    with pytest.raises(SystemExit) as exit_:
        runpy.run_path(str(TOOL), run_name='__main__')
    err = capsys.readouterr().err
    assert exit_.value.code == 2 and message in err and err.count('\n') == 1
    assert not (tmp_path / 'out').exists()


# -------------------------------------------------------------------- ranks, devices, cores

TORCHRUN = dict(RANK='5', WORLD_SIZE='8', LOCAL_RANK='1', LOCAL_WORLD_SIZE='4', MASTER_ADDR='x', MASTER_PORT='1')
SLURM = dict(SLURM_STEP_ID='0', SLURM_PROCID='5', SLURM_NTASKS='8', SLURM_LOCALID='1', SLURM_NNODES='2')
MPI = {
    f'OMPI_COMM_WORLD_{name}': value for name, value in dict(RANK='5', SIZE='8', LOCAL_RANK='1', LOCAL_SIZE='4').items()
}


MPICH = dict(PMI_RANK='5', PMI_SIZE='8', MPI_LOCALRANKID='1', MPI_LOCALNRANKS='4')


@pytest.mark.parametrize('environment', [TORCHRUN, SLURM, MPI, MPICH])
def test_launchers_say_which_process_this_is_and_children_hear_nothing_of_it(environment):
    assert find_rank(environment) == Rank(5, 8, 1, 4)
    assert without_launcher({**environment, 'HOME': '/home'}) == {'HOME': '/home'}
    assert find_rank({}) == Rank()


@pytest.mark.parametrize('num, count', [(7, 3), (2, 4), (6, 6)])
def test_ranks_take_all_pictures_and_none_twice(num, count):
    shares = [Rank(number, count).share(list(range(num))) for number in range(count)]
    assert sorted(picture for share in shares for picture in share) == list(range(num))


@pytest.mark.parametrize(
    'gpus, count, expected',
    [(4, 4, [[0], [1], [2], [3]]), (4, 2, [[0, 2], [1, 3]]), (1, 2, [[0], [0]]), (2, 1, [[0, 1]])],
)
def test_processes_of_a_machine_share_its_gpus(gpus, count, expected):
    assert [Rank(n, count, n, count).local_share(list(range(gpus))) for n in range(count)] == expected


def test_each_rank_trains_its_share_and_the_first_writes_the_index(tmp_path, monkeypatch, capsys):
    for name in 'abc':
        photograph('rocket', tmp_path / f'pictures/{name}.png')
    taken = []
    monkeypatch.setattr(train_folder, 'train_many', lambda configs, workers: taken.append(list(configs)) or {})
    for rank in '01':
        monkeypatch.setenv('RANK', rank)
        monkeypatch.setenv('WORLD_SIZE', '2')
        assert run_tool(tmp_path / 'pictures', '--out', tmp_path / 'out') == 0
    assert taken == [['a.png', 'c.png'], ['b.png']]
    assert capsys.readouterr().out.count('index.html') == 1
    assert 'Not finished: a.png, b.png, c.png.' in (tmp_path / 'out/index.html').read_text()


@pytest.mark.parametrize('count, code', [(1, 1), (2, 0)])
def test_a_rank_with_failures_does_not_make_its_launcher_end_the_others(count, code, tmp_path, monkeypatch, capsys):
    photograph('rocket', tmp_path / 'pictures/a.png')
    monkeypatch.setattr(train_folder, 'train_many', lambda configs, workers: dict.fromkeys(configs, 'broken'))
    monkeypatch.setenv('RANK', '0')
    monkeypatch.setenv('WORLD_SIZE', str(count))
    assert run_tool(tmp_path / 'pictures', '--out', tmp_path / 'out') == code
    assert '1 pictures have failed:\n  a.png: broken' in capsys.readouterr().err


@pytest.mark.parametrize(
    'num, devices, cores, jobs, threads, expected',
    [
        (9, ['cpu'], 8, None, 2, (['cpu'] * 4, 2)),
        (9, ['cpu'], 2, None, 4, (['cpu'], 4)),
        (9, ['cuda:0', 'cuda:1'], 8, None, 1, (['cuda:0', 'cuda:1'], 1)),
        (9, ['cpu'], 4, None, None, (['cpu'] * 4, 1)),
        (2, ['cpu'], 8, None, None, (['cpu'] * 2, 4)),
        (9, ['cpu'], 8, 3, None, (['cpu'] * 3, 2)),
        (9, ['cpu'], 2, 4, None, (['cpu'] * 4, 1)),
        (9, ['cuda:0', 'cuda:1'], 8, None, None, (['cuda:0', 'cuda:1'], 4)),
        (9, ['cuda:0', 'cuda:1'], 8, 4, None, (['cuda:0', 'cuda:1'] * 2, 2)),
    ],
)
def test_children_share_devices_and_cores(num, devices, cores, jobs, threads, expected):
    assert plan_workers(num, devices, cores, jobs, threads) == Workers(*expected)


@pytest.mark.parametrize(
    'visible, device, expected',
    [(None, 'cuda:1', '1'), ('3,GPU-5', 'cuda:1', 'GPU-5'), (None, 'cuda', '0'), ('3', 'cpu', '')],
)
def test_a_child_sees_one_device_and_its_threads(visible, device, expected, monkeypatch):
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    if visible:
        monkeypatch.setenv('CUDA_VISIBLE_DEVICES', visible)
    environment = Workers([device], 3).environment(device)
    assert environment['CUDA_VISIBLE_DEVICES'] == expected and environment['OMP_NUM_THREADS'] == '3'
    assert environment['PATH'] == os.environ['PATH']


def test_a_page_shows_any_name_as_it_is(tmp_path):
    name = 'a"b <i> & #1?.png'
    write_page(
        tmp_path / 'new/page.html', name, 'none', [Entry(name, {name: name}, {name: '1'}, {name: name})], {name: name}
    )
    page = (tmp_path / 'new/page.html').read_text()
    assert '<i>' not in page and '<b <i' not in page
    assert {unquote(link) for link in re.findall(r'(?:href|src)="([^"]*)"', page)} == {name}


def logged(folder, lines):
    """MMEngine's file of scalars of one run."""
    backend = LocalVisBackend(str(folder / 'vis_data'))
    for step, scalars in lines:
        backend.add_scalars(scalars, step=step)
    return folder / 'vis_data/scalars.json'


PYRAMID = dict(num_scales=5, max_iters=2000)


@pytest.mark.parametrize(
    'iterations, extra, max_iters, end, expected',
    [
        ((0, 100), {}, 400, '', ('', 100, 400, 0.25)),
        ((200, 250, 300), {}, 400, '', ('', 300, 400, 0.5)),  # resumed
        ((0, 400), {}, 400, '', ('', 400, 400, 1.0)),
        ((0, 500), PYRAMID, None, '', ('scale 2/5', 100, 400, 0.25)),
        ((0, 400), PYRAMID, 7, '', ('scale 1/5', 400, 400, 0.2)),
        ((0, 2000), PYRAMID, None, '', ('scale 5/5', 400, 400, 1.0)),
        ((0, 100), {}, 400, '{"loss": 0.5, "it', ('', 100, 400, 0.25)),  # being written
        ((0, 100), {}, 400, '{"fid": 5.5, "step": 100}\n', ('', 100, 400, 0.25)),  # a validation
        ((0, *[100] * 5000), {}, 400, '', ('', 100, 400, 0.25)),
        ((7,), {}, None, '', ('', 7, None, 0.0)),
    ],
)
def test_progress_is_read_from_scalars(tmp_path, iterations, extra, max_iters, end, expected):
    lines = [(step, dict(loss=float('nan'), iter=step, **extra)) for step in iterations]
    file = logged(tmp_path, lines)
    with open(file, 'a') as stream:
        stream.write(end)
    assert read_progress(file, max_iters) == LoggedProgress(*expected)


def test_progress_of_a_run_that_has_logged_nothing_is_none(tmp_path):
    assert scalar_files(tmp_path / 'work_dir') == set()
    assert read_progress(tmp_path / 'scalars.json', 400) == LoggedProgress()
    (tmp_path / 'scalars.json').touch()
    assert read_progress(tmp_path / 'scalars.json', 400) == LoggedProgress()


def test_progress_of_a_training_ends_at_its_last_scale(trained):
    _, out, _ = trained
    model = load_singan(last(out / 'a.png'))
    scale, steps = f'scale {model.num_scales}/{model.num_scales}', model.iters_per_scale
    (file,) = scalar_files(out / 'a.png')
    assert read_progress(file) == LoggedProgress(scale, steps, steps, 1.0)


def test_jobs_are_reported_as_far_as_they_are_and_end_all_stages(monkeypatch):
    monkeypatch.setattr(subprocesses, '_REPORT', 0)
    reports = []
    with reporting(lambda *progress: reports.append(progress)):
        progress = subprocesses._Progress(3, 'pictures')
        for jobs, waiting in (
            (dict(a=LoggedProgress(), b=LoggedProgress('scale 1/2', 30, 50, 0.3)), 1),
            (dict(a=LoggedProgress('', 7, None, 0.0), b=LoggedProgress('scale 2/2', 50, 50, 1.0)), 1),
            (dict(a=LoggedProgress('', 9, 10, 1.0), c=LoggedProgress('', 9, 10, 1.0)), 0),
        ):
            children = [SimpleNamespace(name=name, progress=lambda job=job: job) for name, job in jobs.items()]
            progress.show(children, waiting)
        progress.show(children[1:], 0)
        progress.close()
    assert [done for stage, done, total in reports if stage == 'pictures' and total == 3] == [0, 0.3, 1, 3]
    assert {stage for stage, _, _ in reports} == {'pictures', 'a', 'c', 'b, scale 1/2'}
    last = {stage: (done, total) for stage, done, total in reports}
    assert all(done == total for done, total in last.values())


@pytest.mark.parametrize(
    'backends, expected',
    [
        ([dict(type='LocalVisBackend')], ['LocalVisBackend']),
        ([dict(type='mmengine.LocalVisBackend')], ['mmengine.LocalVisBackend']),
        ([dict(type='TensorboardVisBackend')], ['TensorboardVisBackend', 'LocalVisBackend']),
        (dict(type='TensorboardVisBackend'), ['TensorboardVisBackend', 'LocalVisBackend']),
        (None, ['LocalVisBackend']),
    ],
)
def test_a_child_writes_scalars_wherever_else_it_logs_to(backends, expected):
    config = Config(dict(visualizer=dict(type='Visualizer', vis_backends=backends)))
    assert [backend.type for backend in with_scalars(config).visualizer.vis_backends] == expected
    assert config.visualizer.vis_backends == backends
    assert 'visualizer' not in with_scalars(Config(dict(model=dict())))  # MMEngine's own writes them


def test_a_picture_by_its_older_name_gives_way():
    config = find_config(str(CSG))
    config.train_dataloader.dataset.pop('data_root')
    config.train_dataloader.dataset.img_path = 'old.png'
    dataset = picture_config(config, 'new.png', 'out').train_dataloader.dataset
    assert dataset.data_root == 'new.png' and 'img_path' not in dataset
