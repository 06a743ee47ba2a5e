"""A work dir has one run at a time, and a new run never mixes with an earlier one."""

import errno
import hashlib
import logging
import multiprocessing
import os
import runpy
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from mmengine.hooks import Hook
from mmengine.runner import Runner
from singan_runs import REPOSITORY, assert_same, checkpoint, run, tiny_config

from mmpe import locks
from mmpe.apis import train
from mmpe.apis.subprocesses import Job, run_jobs
from mmpe.apis.workers import Workers
from mmpe.engine import earlier_runs
from mmpe.engine.run_lock import RunLock, check_free, locked
from mmpe.errors import InputError
from mmpe.registry import HOOKS

pytest.importorskip('fcntl')
FORK = multiprocessing.get_context('fork')
OLD = ['iter_1.pth', 'iter_2.pth', 'iter_3.pth', 'last_checkpoint', 'pictures']


@HOOKS.register_module()
class PauseHook(Hook):
    """Says that an iteration is done and saved, and waits there to be killed."""

    priority = 'LOWEST'

    def __init__(self, at, file):
        self.at, self.file = at, Path(file)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.at:
            self.file.touch()
            time.sleep(60)


def config(work_dir, resume=None, iters_per_scale=1, **options):
    """Three iterations; ``resume`` as the option of tools/train.py."""
    cfg = tiny_config(work_dir, iters_per_scale=iters_per_scale, **options)
    cfg.launcher = 'none'
    cfg.experiment_name = f'{work_dir.name}_{time.monotonic_ns()}'
    if resume:
        cfg.resume = True
        cfg.load_from = None if resume == 'auto' else str(resume)
    return cfg


def plain(cfg):
    """As in a project that does not call mmpe's own functions."""
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


STARTERS = pytest.mark.parametrize('start', [train, plain])


def killed_after(work_dir, iteration, start=train, **options):
    """Train in another process, and kill it once that iteration is saved."""
    signal_file = work_dir.parent / f'{work_dir.name}_{time.monotonic_ns()}'
    cfg = config(work_dir, custom_hooks=[dict(type='PauseHook', at=iteration, file=str(signal_file))], **options)
    process = FORK.Process(target=start, args=(cfg,))
    process.start()
    while not signal_file.exists():
        assert process.is_alive()
        time.sleep(0.02)
    process.kill()
    process.join()


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(('.', '20')))


def content(folder):
    """What is in all files of a folder."""
    files = [path for path in folder.rglob('*') if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """A run of three iterations."""
    work_dir = tmp_path_factory.mktemp('finished') / 'work'
    run(config(work_dir))
    return work_dir


@pytest.fixture
def work_dir(finished, tmp_path):
    """A work dir that holds that run."""
    return Path(shutil.copytree(finished, tmp_path / 'work', symlinks=True))


@pytest.fixture(scope='module')
def other(tmp_path_factory):
    """A run from another seed."""
    work_dir = tmp_path_factory.mktemp('other') / 'work'
    run(config(work_dir, randomness__seed=7))
    return work_dir


# ---------------------------------------------------------------------------- lock


def hold(work_dir, ready):
    """Hold the lock, beside a child process that outlives this one, as a data loader's worker may."""
    lock = RunLock.take(work_dir)
    if os.fork() == 0:
        time.sleep(20)
        os._exit(0)
    ready.set()
    time.sleep(60)
    lock.give_back()


@pytest.fixture
def holder(work_dir):
    ready = FORK.Event()
    process = FORK.Process(target=hold, args=(work_dir, ready))
    process.start()
    ready.wait(20)
    yield process
    process.kill()
    process.join()


def test_the_second_run_is_refused_and_touches_nothing(work_dir, holder):
    before = content(work_dir)
    with pytest.raises(InputError) as caught:
        train(config(work_dir))
    for part in (f'another run is training in {work_dir} ', f'(process {holder.pid} on ', 'give another work dir'):
        assert part in str(caught.value)
    assert '\n' not in str(caught.value) and content(work_dir) == before


def test_the_tool_says_so_in_one_line(work_dir, holder, monkeypatch, capsys):
    config(work_dir).dump(work_dir.parent / 'config.py')
    monkeypatch.setattr(sys, 'argv', ['train.py', str(work_dir.parent / 'config.py'), '--work-dir', str(work_dir)])
    before = content(work_dir)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(REPOSITORY / 'tools/train.py'), run_name='__main__')
    lines = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and len(lines) == 1
    assert lines[0].startswith(f'error: another run is training in {work_dir} (process {holder.pid} on ')
    assert content(work_dir) == before


def test_so_is_a_plain_runner(work_dir, holder):
    with pytest.raises(InputError, match='another run is training in'):
        plain(config(work_dir))
    assert set(OLD) <= set(names(work_dir)) and not (work_dir / 'earlier_runs').exists()


def test_a_killed_run_leaves_no_lock_behind(work_dir, holder):
    holder.kill()
    holder.join()
    train(config(work_dir, resume=work_dir / 'iter_2.pth'))
    assert (work_dir / 'iter_3.pth').exists()


def is_free(work_dir):
    """Whether another process may train there."""
    process = FORK.Process(target=check_free, args=(work_dir,))
    process.start()
    process.join(60)
    return process.exitcode == 0


@STARTERS
def test_the_lock_is_given_back_at_the_end(work_dir, start):
    start(config(work_dir, resume='auto'))
    assert is_free(work_dir)


def test_a_run_that_fails_gives_the_lock_back(work_dir):
    with pytest.raises(InputError):
        train(config(work_dir, train_dataloader__dataset__data_root='nowhere.png'))
    assert is_free(work_dir)


def test_it_is_shared_within_a_process(work_dir):
    with locked(work_dir):
        train(config(work_dir, resume='auto'))
        assert not is_free(work_dir)
    assert is_free(work_dir)


def test_links_and_relative_paths_name_the_same_work_dir(work_dir, holder, monkeypatch):
    (work_dir.parent / 'link').symlink_to(work_dir)
    monkeypatch.chdir(work_dir.parent)
    for path in ('link', 'work', './work/../link/'):
        with pytest.raises(InputError, match='another run is training'):
            train(config(Path(path)))


def test_without_locks_it_says_so_and_goes_on(tmp_path, monkeypatch):
    def no_locks(*args):
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(locks.fcntl, 'lockf', no_locks)
    monkeypatch.setattr('mmpe.engine.run_lock.print_log', lambda text, *args, **kwargs: said.append(text))
    said = []
    with locked(tmp_path / 'work'):
        pass
    assert said == [f'{tmp_path / "work"} is on a file system without locks: start no other run there']


def take_on(rank, work_dir, rendezvous, queue):
    dist.init_process_group('gloo', init_method=f'file://{rendezvous}', rank=rank, world_size=2)
    try:
        with locked(work_dir):
            queue.put('free')
    except InputError as error:
        queue.put(str(error))
    dist.destroy_process_group()


def on_two_processes(work_dir):
    queue = FORK.Queue()
    rendezvous = work_dir.parent / f'rendezvous_{time.monotonic_ns()}'
    both = [FORK.Process(target=take_on, args=(rank, work_dir, rendezvous, queue)) for rank in range(2)]
    for process in both:
        process.start()
    found = [queue.get(timeout=30) for _ in both]
    for process in both:
        process.join(30)
    return found


def test_all_processes_of_a_run_are_told(work_dir, holder):
    first, second = on_two_processes(work_dir)
    assert first == second and f'(process {holder.pid} on ' in first
    holder.kill()
    holder.join()
    assert on_two_processes(work_dir) == ['free', 'free']


def test_many_runs_leave_alone_what_another_one_trains(work_dir, holder, capsys):
    before = content(work_dir)
    work = Job('no.such.module', lambda config: False, 'pictures')
    failures = run_jobs({'a': config(work_dir)}, Workers(['cpu'], 1), work)
    assert list(failures) == ['a'] and 'another run is training in' in failures['a']
    assert content(work_dir) == before
    assert capsys.readouterr() == ('', '')  # who called it has asked for no bars


# ------------------------------------------------------------------- a new run


@STARTERS
def test_a_new_run_sets_the_earlier_one_aside(work_dir, finished, start):
    (work_dir / 'notes.txt').write_text('mine')
    (work_dir / 'my_model.pth').write_text('mine')
    cfg = config(work_dir, randomness__seed=7, default_hooks__checkpoint__max_keep_ckpts=2)
    start(cfg)
    assert names(work_dir / 'earlier_runs/1') == OLD
    for name in OLD[:3]:
        assert (work_dir / 'earlier_runs/1' / name).read_bytes() == (finished / name).read_bytes()
    assert [path.name for path in work_dir.glob('iter_*.pth')].count('iter_1.pth') == 0  # its own second and third
    assert (work_dir / 'notes.txt').read_text() == (work_dir / 'my_model.pth').read_text() == 'mine'
    logs = [path.name for path in finished.glob('20*')]
    assert all((work_dir / 'earlier_runs/1' / log).is_dir() for log in logs)
    assert len(list(work_dir.glob('20*'))) == 1  # its own log
    assert Path((work_dir / 'last_checkpoint').read_text()).parent == work_dir


def test_runs_are_numbered(work_dir):
    for _ in range(2):
        train(config(work_dir))
    assert names(work_dir / 'earlier_runs') == ['1', '2']
    assert names(work_dir / 'earlier_runs/1') == names(work_dir / 'earlier_runs/2') == OLD


@pytest.mark.parametrize('iteration, start', [(1, plain), (2, train)])
def test_resume_goes_on_with_the_new_run(work_dir, other, iteration, start):
    """The old one has later checkpoints, and a last_checkpoint that names them."""
    killed_after(work_dir, iteration, start, randomness__seed=7)
    assert names(work_dir / 'earlier_runs/1') == OLD
    start(config(work_dir, resume='auto', randomness__seed=7))
    assert_same(checkpoint(work_dir, 3)['state_dict'], checkpoint(other, 3)['state_dict'])


def test_resume_without_a_checkpoint_of_the_new_run_starts_it_anew(work_dir, other):
    """Not with the old one, which is there too."""
    options = dict(randomness__seed=7, default_hooks__checkpoint__interval=100)
    killed_after(work_dir, 1, plain, **options)
    assert names(work_dir / 'earlier_runs/1') == OLD and not list(work_dir.glob('*.pth'))
    cfg = config(work_dir, resume='auto', **options)
    with logged() as lines:
        plain(cfg)
    said = [line for line in lines if 'there is no checkpoint to resume in' in line]
    assert len(said) == 1 and 'earlier runs are in' in said[0] and 'starts from the beginning' in said[0]
    assert_same(checkpoint(work_dir, 3)['state_dict'], checkpoint(other, 3)['state_dict'])


class logged:
    """The lines that MMEngine's loggers print, to whichever handlers."""

    def __enter__(self):
        lines = self.lines = []
        self.handle = logging.Logger.handle

        def handle(logger, record):
            lines.append(record.getMessage())

        logging.Logger.handle = handle
        return lines

    def __exit__(self, *error):
        logging.Logger.handle = self.handle


def test_the_log_says_where_the_earlier_run_is(work_dir):
    with logged() as lines:
        train(config(work_dir))
    (line,) = [line for line in lines if 'earlier_runs' in line]
    assert str(work_dir / 'earlier_runs/1') in line and 'iter_3.pth' in line


def test_load_from_the_same_work_dir(work_dir, finished):
    """The file is read before it is moved with the run that it is of."""
    cfg = config(work_dir)
    cfg.load_from = str(work_dir / 'iter_3.pth')
    plain(cfg)
    assert names(work_dir / 'earlier_runs/1') == OLD
    own, fresh = (checkpoint(folder, 1)['state_dict'] for folder in (work_dir, finished))
    assert any(not torch.equal(own[name], fresh[name]) for name in own if name.startswith('generator.blocks.0'))


@pytest.mark.parametrize(
    'options',
    [
        dict(train_dataloader__dataset__data_root='nowhere.png'),
        dict(model__type='Nothing'),
        dict(optim_wrapper__generator__optimizer__type='Nothing'),
        dict(load_from='nowhere.pth'),
    ],
)
def test_a_run_that_cannot_start_moves_nothing(work_dir, options):
    before = {name: (work_dir / name).stat().st_mtime_ns for name in OLD}
    with pytest.raises(InputError):
        train(config(work_dir, **options))
    assert {name: (work_dir / name).stat().st_mtime_ns for name in OLD} == before
    assert not (work_dir / 'earlier_runs').exists()


def test_logs_alone_are_no_run(tmp_path):
    """Attempts that failed before anything was saved are not numbered."""
    (tmp_path / 'work/20250101_000000').mkdir(parents=True)
    train(config(tmp_path / 'work'))
    assert not (tmp_path / 'work/earlier_runs').exists()


def test_a_folder_with_a_usual_name_is_no_run(tmp_path):
    (tmp_path / 'work/pictures').mkdir(parents=True)
    (tmp_path / 'work/pictures/holiday.jpg').write_text('mine')
    train(config(tmp_path / 'work'))
    assert (tmp_path / 'work/pictures/holiday.jpg').read_text() == 'mine'


def train_and_be_killed(cfg, moves):
    rename, count = Path.rename, iter(range(100))

    def rename_or_die(self, target):
        if next(count) == moves:
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, target)

    Path.rename = rename_or_die
    train(cfg)


@pytest.mark.parametrize('moves, resume', [(0, 'auto'), (2, None), (5, 'auto')])
def test_killed_while_files_are_moved_nothing_is_lost(work_dir, finished, other, moves, resume):
    process = FORK.Process(target=train_and_be_killed, args=(config(work_dir, randomness__seed=7), moves))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    train(config(work_dir, resume=resume, randomness__seed=7))
    moved = content(work_dir / 'earlier_runs/1')
    assert names(work_dir / 'earlier_runs/1') == OLD
    assert all(moved[name] == digest for name, digest in content(finished).items() if name.endswith(('.pth', '.png')))
    assert names(work_dir / 'earlier_runs') == ['1']
    assert_same(checkpoint(work_dir, 3)['state_dict'], checkpoint(other, 3)['state_dict'])


@pytest.mark.parametrize('name', ['../outside', '/etc/passwd', 'notes.txt', '..', 'earlier_runs', 3, None])
def test_a_list_of_moves_names_only_what_runs_write(work_dir, name):
    import json

    (work_dir / 'notes.txt').write_text('mine')
    (work_dir.parent / 'outside').write_text('mine')
    moves = work_dir / 'earlier_runs/1/.moves.json'
    moves.parent.mkdir(parents=True)
    moves.write_text(json.dumps([name]))
    if isinstance(name, str):
        earlier_runs.finish_moves(work_dir)
        assert names(work_dir / 'earlier_runs/1') == []
    else:
        with pytest.raises(InputError, match='cannot be read'):
            earlier_runs.finish_moves(work_dir)
    assert (work_dir / 'notes.txt').exists() and (work_dir.parent / 'outside').exists()


# ------------------------------------------------------------------- resume CKPT


def test_resuming_an_earlier_checkpoint_sets_the_later_ones_aside(work_dir, finished):
    killed_after(work_dir, 2, resume=work_dir / 'iter_1.pth')
    assert names(work_dir / 'earlier_runs/1') == ['iter_2.pth', 'iter_3.pth']
    assert (work_dir / 'iter_1.pth').read_bytes() == (finished / 'iter_1.pth').read_bytes()
    with logged() as lines:
        plain(config(work_dir, resume='auto'))
    assert not any('there is no checkpoint to resume' in line for line in lines)
    assert_same(checkpoint(work_dir, 3)['state_dict'], checkpoint(finished, 3)['state_dict'])


def test_resuming_from_another_work_dir_sets_this_ones_run_aside(work_dir, other):
    options = dict(randomness__seed=7, default_hooks__checkpoint__max_keep_ckpts=2)
    train(config(work_dir, resume=other / 'iter_1.pth', **options))
    assert names(work_dir / 'earlier_runs/1') == OLD
    assert_same(checkpoint(work_dir, 3)['state_dict'], checkpoint(other, 3)['state_dict'])
    assert names(other) == names(other) and set(OLD) <= set(names(other))


def test_a_last_checkpoint_that_was_cut_short_does_not_matter(work_dir):
    (work_dir / 'iter_3.pth').unlink()
    (work_dir / 'last_checkpoint').write_text('')
    plain(config(work_dir, resume='auto'))
    assert (work_dir / 'iter_3.pth').exists() and not (work_dir / 'earlier_runs').exists()


def test_an_earlier_run_can_be_resumed(work_dir, finished):
    train(config(work_dir, randomness__seed=7))
    train(config(work_dir, resume=work_dir / 'earlier_runs/1/iter_2.pth'))
    assert names(work_dir / 'earlier_runs') == ['1', '2']
    assert_same(checkpoint(work_dir, 3)['state_dict'], checkpoint(finished, 3)['state_dict'])


# ------------------------------------------------------------------- inputs


@pytest.mark.parametrize('name', ['pictures/scale_1.png', 'result/original.png', 'link.png'])
def test_a_picture_that_training_would_overwrite_or_move_is_refused(work_dir, name):
    (work_dir / 'result').mkdir()
    shutil.copy(work_dir / 'pictures/scale_1.png', work_dir / 'result/original.png')
    (work_dir / 'link.png').symlink_to('pictures/scale_1.png')
    before = content(work_dir)
    with pytest.raises(InputError, match='training writes there: give another work dir'):
        train(config(work_dir, train_dataloader__dataset__data_root=str(work_dir / name)))
    assert content(work_dir) == before


def test_a_picture_beside_them_is_not(work_dir):
    shutil.copy(work_dir / 'pictures/scale_1.png', work_dir / 'mine.png')
    train(config(work_dir, train_dataloader__dataset__data_root=str(work_dir / 'mine.png')))
    assert (work_dir / 'mine.png').exists()


def test_a_config_file_is_not_replaced_by_its_dump(tmp_path):
    from mmpe.apis import load_config

    dump = tmp_path / 'dump/config.py'
    dump.parent.mkdir()
    config(tmp_path / 'dump').dump(dump)
    own = tmp_path / 'own/config.py'
    own.parent.mkdir()
    own.write_text('# by hand\n' + dump.read_text())
    with pytest.raises(InputError, match='training would write its own config.py over it'):
        train(load_config(own, {'work_dir': str(own.parent)}))
    assert own.read_text().startswith('# by hand')
    cfg = load_config(dump, {'work_dir': str(dump.parent)})
    cfg.launcher = 'none'
    train(cfg)  # the dump of an earlier run


def test_a_folder_of_pictures_may_be_other_people_s_too(work_dir):
    theirs = work_dir / 'pictures' / 'mine.jpg'
    theirs.write_bytes(b'a photograph')
    plain(config(work_dir))
    assert theirs.read_bytes() == b'a photograph'
    moved = names(work_dir / 'earlier_runs/1/pictures')
    assert moved and 'mine.jpg' not in moved
