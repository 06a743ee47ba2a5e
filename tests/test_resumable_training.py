"""Long runs by iterations: the order of the data, resuming in it, and what ends a run without losing its work."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from itertools import islice, zip_longest
from pathlib import Path

import pytest
import torch
from mmengine.dataset import InfiniteSampler
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmpe.datasets import ResumableSampler
from mmpe.engine.hooks.checkpoint_hook import LocalBackend
from mmpe.errors import InputError
from mmpe.registry import DATASETS, MODELS

try:
    import resource
except ImportError:  # there is none on Windows
    resource = None


def sampler(size=10, seed=3, start=0, rank=0, world_size=1, **options):
    s = ResumableSampler(range(size), seed=seed, **options)
    s.rank, s.world_size, s.start = rank, world_size, start
    return s


def first(n, s):
    return list(islice(s, n))


def joined(n, world_size, **options):
    """The first n indices that so many processes see together, each taking its turn."""
    parts = [first(n, sampler(rank=rank, world_size=world_size, **options)) for rank in range(world_size)]
    return [index for turn in zip_longest(*parts) for index in turn][:n]


def test_every_item_comes_once_an_epoch_and_the_order_changes():
    indices = first(40, sampler())
    epochs = [indices[i : i + 10] for i in range(0, 40, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert first(10, sampler(seed=4)) != epochs[0] and first(40, sampler()) == indices


def test_all_orders_of_an_epoch_are_as_likely():
    counts = torch.zeros(4, 4)
    indices = torch.tensor(first(4 * 2000, sampler(size=4))).view(2000, 4)
    for place in range(4):
        counts[place] = torch.bincount(indices[:, place], minlength=4)
    assert (counts / 2000 - 0.25).abs().max() < 0.05  # five standard deviations


@pytest.mark.parametrize('world_size', [2, 3])
@pytest.mark.parametrize('start', [0, 7, 35])
def test_processes_take_turns_in_one_sequence(world_size, start):
    assert joined(33, world_size, start=start) == first(33, sampler(start=start))


@pytest.mark.parametrize('start', [0, 1, 9, 10, 11, 25])
def test_starts_anywhere(start):
    assert first(30, sampler(start=start)) == first(30 + start, sampler())[start:]


def test_goes_on_with_another_number_of_processes():
    whole = first(60, sampler())
    assert joined(24, 2) + joined(12, 3, start=24) + joined(24, 1, start=36) == whole


@pytest.mark.parametrize('rank, world_size', [(0, 1), (1, 3)])
def test_shards_as_mmengines_sampler_does(rank, world_size, monkeypatch):
    monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda: (rank, world_size))
    monkeypatch.setattr('mmpe.datasets.sampler.get_dist_info', lambda: (rank, world_size))
    theirs, ours = (cls(range(10), shuffle=False, seed=0) for cls in (InfiniteSampler, ResumableSampler))
    assert first(25, ours) == first(25, theirs) and len(ours) == len(theirs)


def test_draws_a_seed_where_none_is_given():
    assert isinstance(ResumableSampler(range(3)).seed, int)


@DATASETS.register_module()
class CountedReads(Dataset):
    """Item i is the number i; what is read is written to a file, by whatever process."""

    metainfo = {}

    def __init__(self, log, size=7):
        self.log, self.size = log, size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        with open(self.log, 'a') as file:
            file.write(f'{index}\n')
        return dict(inputs=torch.tensor([float(index)]))


@MODELS.register_module()
class SeesImages(BaseModel):
    """Learns a number, and keeps what it has seen; ``breaks_at``: the iteration whose loss is NaN."""

    def __init__(self, breaks_at=None, weights_break=False):
        super().__init__()
        self.breaks_at, self.weights_break = breaks_at, weights_break
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen = []
        self.register_buffer('images_seen', torch.zeros((), dtype=torch.int64))

    def train_step(self, data, optim_wrapper):
        images = torch.stack(data['inputs'])
        self.seen.append(images.flatten().int().tolist())
        loss = (self.weight - images).square().mean()
        optim_wrapper.update_params(loss)
        self.images_seen += len(images)
        if self.breaks_at == len(self.seen):
            if self.weights_break:
                self.weight.data.fill_(float('nan'))
            else:
                loss = loss * float('nan')
        return dict(loss=loss.detach(), also=torch.tensor([1.0, 2.0]).mean())

    def forward(self, *args, **kwargs):
        raise NotImplementedError


def config(work_dir, max_iters=8, workers=0, model=None, loader=None, randomness=None, hooks=None, **others):
    return (
        dict(
            default_scope='mmpe',
            work_dir=str(work_dir),
            model=dict(type='mmpe.SeesImages', **(model or {})),
            train_cfg=dict(type='ResumableTrainLoop', max_iters=max_iters),
            train_dataloader=dict(
                dataset=dict(type='CountedReads', log=str(work_dir / 'reads.txt')),
                sampler=dict(type='ResumableSampler'),
                batch_size=3,
                num_workers=workers,
                **(loader or {}),
            ),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            default_hooks=dict(
                checkpoint=dict(type='CompleteCheckpointHook', interval=1, **(hooks or dict(max_keep_ckpts=-1))),
                param_scheduler=None,
                sampler_seed=None,
            ),
            custom_hooks=[dict(type='FiniteLossHook')],
            log_processor=dict(by_epoch=False),
            log_level='ERROR',
            randomness=dict(seed=5) if randomness is None else randomness,
            experiment_name=f'{work_dir.name}_{time.monotonic_ns()}',
        )
        | others
    )


def run(work_dir, **options):
    """The model after training."""
    work_dir.mkdir(exist_ok=True)
    runner = Runner(**config(work_dir, **options))
    runner.train()
    return runner.model


def resume(work_dir, checkpoint, **options):
    return run(work_dir, resume=True, load_from=str(checkpoint), **options)


def reads(work_dir):
    return [int(line) for line in (work_dir / 'reads.txt').read_text().split()]


def checkpoints(work_dir):
    return sorted(path.name for path in work_dir.iterdir() if path.suffix in ('.pth', '.part'))


@pytest.fixture
def unbroken(tmp_path):
    """A run of eight iterations: three and a bit epochs."""
    model = run(tmp_path / 'unbroken')
    assert [len(batch) for batch in model.seen] == [3] * 8
    return model


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('iteration', [1, 5])
def test_a_resumed_run_sees_what_the_unbroken_one_would_have_and_no_more(unbroken, tmp_path, iteration, workers):
    checkpoint = tmp_path / f'unbroken/iter_{iteration}.pth'
    model = resume(tmp_path / 'resumed', checkpoint, workers=workers)
    assert model.seen == unbroken.seen[iteration:]
    assert torch.equal(model.weight, unbroken.weight) and int(model.images_seen) == 24
    if workers == 0:  # workers read ahead
        assert reads(tmp_path / 'resumed') == sum(unbroken.seen[iteration:], [])
    else:
        ahead = sorted(reads(tmp_path / 'resumed'))
        assert len(ahead) <= 3 * (8 - iteration + 2 * workers)


def test_workers_do_not_change_the_order(unbroken, tmp_path):
    assert run(tmp_path / 'workers', workers=2).seen == unbroken.seen


def test_workers_end_with_the_training(tmp_path):
    run(tmp_path, workers=2)
    assert multiprocessing.active_children() == []


def test_a_finished_run_reads_nothing_more(unbroken, tmp_path):
    assert resume(tmp_path / 'again', tmp_path / 'unbroken/iter_8.pth').seen == []
    assert not (tmp_path / 'again/reads.txt').exists()


def test_goes_on_with_another_batch_size(unbroken, tmp_path):
    model = resume(tmp_path / 'resumed', tmp_path / 'unbroken/iter_4.pth', max_iters=6)
    assert sum(model.seen, []) == sum(unbroken.seen, [])[12:18]


def test_the_seed_of_a_resumed_run_is_the_checkpoints(tmp_path):
    """Without a seed in the config each run draws one; MMEngine reads the checkpoint's when the data is there."""
    whole = run(tmp_path / 'whole', randomness=dict(seed=None))
    model = resume(tmp_path / 'resumed', tmp_path / 'whole/iter_3.pth', randomness=dict(seed=None))
    assert model.seen == whole.seen[3:]


def test_starts_from_where_given_weights_stopped_seeing(unbroken, tmp_path):
    model = run(tmp_path / 'tuned', load_from=str(tmp_path / 'unbroken/iter_8.pth'), max_iters=2)
    assert len(model.seen) == 2 and int(model.images_seen) == 30


@MODELS.register_module()
class SeesNothing(SeesImages):
    """It does not count."""

    def __init__(self):
        super().__init__()
        del self.images_seen


@pytest.mark.parametrize(
    'loader, model, message',
    [
        (dict(sampler=dict(type='InfiniteSampler')), 'SeesImages', 'needs sampler=.*ResumableSampler.*InfiniteSampler'),
        ({}, 'SeesNothing', 'counts its images_seen, which SeesNothing does not'),
    ],
)
def test_what_cannot_be_resumed_is_refused_at_once(tmp_path, loader, model, message):
    settings = config(tmp_path)
    settings['train_dataloader'].update(loader)
    settings['model'] = dict(type=f'mmpe.{model}')
    with pytest.raises(InputError, match=message):
        Runner(**settings).train()


def test_a_loss_that_is_no_number_ends_the_run(tmp_path):
    with pytest.raises(InputError, match=r'iteration 5: loss=nan; the last good checkpoint is .*iter_4\.pth'):
        run(tmp_path, model=dict(breaks_at=5))
    assert checkpoints(tmp_path) == [f'iter_{i}.pth' for i in (1, 2, 3, 4)]
    model = resume(tmp_path / 'resumed', tmp_path / 'iter_4.pth')
    assert len(model.seen) == 4


def test_a_run_that_diverges_at_once_has_no_checkpoint(tmp_path):
    with pytest.raises(InputError, match='iteration 1: loss=nan; no checkpoint had been saved'):
        run(tmp_path, model=dict(breaks_at=1))
    assert checkpoints(tmp_path) == []


def test_another_process_ends_the_run_too(tmp_path, monkeypatch):
    monkeypatch.setattr('mmpe.engine.hooks.agreeing_hook.get_world_size', lambda: 2)
    monkeypatch.setattr('mmpe.engine.hooks.agreeing_hook.all_reduce', lambda tensor, op: tensor.add_(1))
    with pytest.raises(InputError, match='iteration 1: on another process'):
        run(tmp_path)


@pytest.mark.parametrize('kept', [2, 3])
def test_broken_weights_are_not_saved_and_nothing_is_removed(tmp_path, kept):
    with pytest.raises(InputError, match='after iteration 5 is not written, as state_dict.weight has values that are'):
        run(tmp_path, model=dict(breaks_at=5, weights_break=True), hooks=dict(max_keep_ckpts=kept))
    assert checkpoints(tmp_path) == [f'iter_{i}.pth' for i in range(5 - kept, 5)]


def full_disk_at(iteration, code=errno.ENOSPC):
    put = LocalBackend.put

    def write(self, obj, filepath):
        if f'iter_{iteration}.pth' in str(filepath):
            put(self, obj[: len(obj) // 2], filepath)
            raise OSError(code, os.strerror(code))
        put(self, obj, filepath)

    return write


@pytest.mark.parametrize('kept', [1, 2, -1])
def test_a_full_disk_loses_nothing(unbroken, tmp_path, monkeypatch, kept):
    work_dir, hooks = tmp_path / 'full', dict(max_keep_ckpts=kept)
    with monkeypatch.context() as patch, pytest.raises(InputError) as caught:
        patch.setattr(LocalBackend, 'put', full_disk_at(5))
        run(work_dir, hooks=hooks)
    assert str(caught.value).startswith(f'a checkpoint cannot be written to {work_dir}: No space left on device')
    assert '\n' not in str(caught.value)
    assert checkpoints(work_dir) == [f'iter_{i}.pth' for i in {1: (4,), 2: (3, 4), -1: (1, 2, 3, 4)}[kept]]
    model = resume(work_dir, work_dir / 'iter_4.pth', hooks=hooks)
    assert torch.equal(model.weight, unbroken.weight) and model.seen == unbroken.seen[4:]
    assert checkpoints(work_dir)[-1] == 'iter_8.pth'


@pytest.mark.parametrize('kept', [1, 3])
def test_only_as_many_checkpoints_as_asked_for_stay(tmp_path, kept):
    run(tmp_path, hooks=dict(max_keep_ckpts=kept))
    assert checkpoints(tmp_path) == [f'iter_{i}.pth' for i in range(9 - kept, 9)]


def best_hook(tmp_path):
    """A checkpoint hook that keeps the best, and a runner that has done two iterations."""
    settings = config(tmp_path, max_iters=2, hooks=dict(save_best='score', rule='greater', save_last=False))
    settings['default_hooks']['checkpoint']['interval'] = -1
    runner = Runner(**settings)
    runner.train()
    return next(hook for hook in runner.hooks if type(hook).__name__ == 'CompleteCheckpointHook'), runner


def test_the_best_checkpoint_goes_only_when_a_better_one_is_there(tmp_path, monkeypatch):
    hook, runner = best_hook(tmp_path)
    hook.after_val_epoch(runner, dict(score=1.0))
    assert checkpoints(tmp_path) == ['best_score_iter_2.pth']
    runner.train_loop._iter = 3
    with monkeypatch.context() as patch, pytest.raises(InputError, match='No space left'):
        patch.setattr(LocalBackend, 'put', full_disk_at(3))
        hook.after_val_epoch(runner, dict(score=2.0))
    assert checkpoints(tmp_path) == ['best_score_iter_2.pth']
    runner.train_loop._iter = 4
    hook.best_ckpt_path = str(tmp_path / 'best_score_iter_2.pth')
    hook.after_val_epoch(runner, dict(score=3.0))
    assert checkpoints(tmp_path) == ['best_score_iter_4.pth']


def start(function, work_dir):
    """A function of this file as a command of its own, in a process group of its own."""
    script = (
        f'import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n'
        'from pathlib import Path\n'
        f'from {Path(__file__).stem} import {function.__name__}\n'
        'from mmpe.boundary import boundary\n'
        f'boundary({function.__name__})(Path({str(work_dir)!r}))\n'
    )
    return subprocess.Popen([sys.executable, '-c', script], stderr=subprocess.PIPE, text=True, start_new_session=True)


def train_until_files_may_not_grow(work_dir):
    run(work_dir, max_iters=2)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))
    resume(work_dir, work_dir / 'iter_2.pth')


def train_for_ever(work_dir):
    run(work_dir, max_iters=10**6, workers=2, custom_hooks=[dict(type='InterruptHook')])


@pytest.mark.skipif(resource is None, reason='needs limits on what a process may write')
def test_what_the_system_refuses_to_write_is_one_line_and_exit_code_2(tmp_path):
    process = start(train_until_files_may_not_grow, tmp_path)
    output = process.communicate(timeout=60)[1]
    assert process.returncode == 2, output
    assert 'Traceback' not in output
    assert f'error: a checkpoint cannot be written to {tmp_path}: File too large' in output
    assert checkpoints(tmp_path) == ['iter_1.pth', 'iter_2.pth']
    torch.load(tmp_path / 'iter_2.pth', weights_only=True)


def test_ctrl_c_with_workers_saves_and_leaves(tmp_path):
    """A terminal's Ctrl-C goes to the workers too, which must not break the last iteration."""
    process = start(train_for_ever, tmp_path)
    while not (tmp_path / 'iter_5.pth').exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    output = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and 'Traceback' not in output, output
