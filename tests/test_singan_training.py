"""SinGAN trained by MMEngine's runner: what is saved, what is resumed, and what a crash leaves behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from new_process import run_python
from singan_runs import REPOSITORY, assert_same, checkpoint, run, tiny_config, train_in_two_processes
from tool_runs import run_tool

from mmpe.apis import load

TRAIN = REPOSITORY / 'tools/train.py'


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory):
    """A whole run: three iterations of each scale, all checkpoints kept."""
    work_dir = tmp_path_factory.mktemp('unbroken')
    runner = run(tiny_config(work_dir))
    return work_dir, runner.max_iters


def state(work_dir, iteration):
    saved = checkpoint(work_dir, iteration)
    return {key: saved[key] for key in ('state_dict', 'optimizer')}


def test_iterations_follow_from_the_picture(unbroken):
    work_dir, iterations = unbroken
    model = load(work_dir / f'iter_{iterations}.pth')
    assert iterations == 3 * model.num_scales == 9
    assert model.trained_scales == model.num_scales and int(model.step) == 0


def test_resumes_in_mixed_precision_to_the_bit(tmp_path):
    options = dict(iters_per_scale=2)
    for network in ('generator', 'discriminator'):
        options[f'optim_wrapper__{network}__type'] = 'BFloat16OptimWrapper'
    run(tiny_config(tmp_path / 'whole', **options))
    for iteration in (1, 2, 3, 4, 5):
        load_from = str(tmp_path / f'whole/iter_{iteration}.pth')
        run(tiny_config(tmp_path / str(iteration), resume=True, load_from=load_from, **options))
        assert_same(state(tmp_path / str(iteration), 6), state(tmp_path / 'whole', 6))


@pytest.mark.parametrize('iteration', range(1, 9))
def test_resumes_at_any_iteration_to_the_bit(unbroken, tmp_path, iteration):
    work_dir, iterations = unbroken
    torch.manual_seed(iteration)  # whatever the new process has drawn before
    run(tiny_config(tmp_path, resume=True, load_from=str(work_dir / f'iter_{iteration}.pth')))
    assert_same(state(tmp_path, iterations), state(work_dir, iterations))


def test_same_seed_same_bits_and_another_seed_other_bits(unbroken, tmp_path):
    work_dir, iterations = unbroken
    run(tiny_config(tmp_path / 'same'))
    assert_same(state(tmp_path / 'same', iterations), state(work_dir, iterations))
    run(tiny_config(tmp_path / 'other', randomness__seed=1))
    ours, theirs = (state(d, 1)['state_dict']['fixed_noise'] for d in (tmp_path / 'other', work_dir))
    assert not torch.equal(ours, theirs)


def test_checkpoint_is_plain_data_for_any_pytorch(unbroken):
    """In a process that knows neither mmpe nor MMEngine."""
    work_dir, iterations = unbroken
    code = f'import torch; print(torch.load(r"{work_dir}/iter_{iterations}.pth", weights_only=True)["meta"]["model"])'
    assert "'type': 'SinGANModel'" in run_python(code)


def test_a_checkpoint_in_mid_scale_can_be_sampled(unbroken):
    work_dir, _ = unbroken
    model = load(work_dir / 'iter_4.pth')
    assert model.trained_scales == 2
    assert model.sample(1).shape[-2:] == tuple(model.sizes[1].tolist())


def test_mmengine_test_loop_scores_a_checkpoint(unbroken, tmp_path):
    """Through MMEngine's own loop and evaluator, with the numbers of the plain function."""
    from mmengine.runner import Runner

    from mmpe.evaluation import single_picture_scores

    work_dir, iterations = unbroken
    cfg = tiny_config(tmp_path, load_from=str(work_dir / f'iter_{iterations}.pth'), experiment_name='scored')
    cfg.update(test_dataloader=cfg.train_dataloader, test_cfg=dict(), test_evaluator=dict(type='SinglePictureScores'))
    found = Runner.from_cfg(cfg).test()
    model = load(cfg.load_from)
    expected = single_picture_scores(model.sample(32), model.picture, model.reconstruct())
    assert found == pytest.approx({f'single_picture/{name}': value for name, value in expected.items()}, rel=1e-5)


def test_pictures_are_written(unbroken):
    work_dir, _ = unbroken
    names = {path.name for path in (work_dir / 'pictures').iterdir()}
    assert names == {'scale_1.png', 'scale_2.png', 'scale_3.png', 'samples_21x32.png', 'samples_21x64.png'}


def test_log_says_where_training_stands(tmp_path):
    run(tiny_config(tmp_path, log_level='INFO'))
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'scale 2 of 3 [1/3]' in log
    line = next(line for line in log.splitlines() if 'scale 3 of 3 [2/3]' in line)
    assert 'eta: ' in line and 'loss_reconstruction: ' in line and 'Iter(train) [8/9]' in line


def test_eta_counts_work_not_iterations(tmp_path):
    from mmpe.registry import HOOKS

    runner = run(tiny_config(tmp_path))
    hook = HOOKS.build(dict(type='PyramidTimerHook'))
    hook.before_train(runner)
    whole, half = hook._work(9), hook._work(3)
    assert hook._work(0) == 0 and whole > 3 * half > 0
    assert hook._work(4) - hook._work(3) == pytest.approx(hook._work(5) - hook._work(4))


def test_resuming_with_another_schedule_is_refused(unbroken, tmp_path):
    from mmpe.errors import InputError

    work_dir, _ = unbroken
    with pytest.raises(InputError, match='resume with the iters_per_scale that it was trained with'):
        run(tiny_config(tmp_path, iters_per_scale=2, resume=True, load_from=str(work_dir / 'iter_5.pth')))


# -------------------------------------------------------------------- other processes


def start(work_dir, iters_per_scale=200):
    cfg = tiny_config(work_dir, iters_per_scale=iters_per_scale, log_level='INFO')
    cfg.dump(work_dir / 'config.py')
    command = [sys.executable, str(TRAIN), str(work_dir / 'config.py'), '--work-dir', str(work_dir)]
    environment = os.environ | {'OMP_NUM_THREADS': '1'}  # as in this process: sums of other parts are other sums
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def wait_for(work_dir, iteration, process):
    deadline = time.time() + 120
    while not (work_dir / f'iter_{iteration}.pth').exists():
        assert process.poll() is None and time.time() < deadline, process.stdout.read()
        time.sleep(0.02)


@pytest.mark.parametrize('number, code', [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_saves_and_says_so(tmp_path, number, code):
    process = start(tmp_path)
    wait_for(tmp_path, 3, process)
    process.send_signal(number)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == code, output
    last = Path((tmp_path / 'last_checkpoint').read_text())
    assert 'Traceback' not in output and f'saved {last}' in output
    assert load(last).trained_scales == 1


def test_killed_run_loses_nothing_that_was_saved(tmp_path):
    process = start(tmp_path, iters_per_scale=4)
    wait_for(tmp_path, 5, process)
    process.kill()
    process.communicate()
    run(tiny_config(tmp_path / 'unbroken', iters_per_scale=4))
    resumed = run_tool(TRAIN, tmp_path / 'config.py', '--work-dir', tmp_path, '--resume')
    assert resumed.returncode == 0, resumed.stderr
    assert_same(state(tmp_path, 12), state(tmp_path / 'unbroken', 12))


def test_a_write_that_is_cut_short_leaves_the_old_file(tmp_path, monkeypatch):
    from mmpe.engine.hooks.checkpoint_hook import AtomicBackend, LocalBackend

    path = tmp_path / 'x.pth'
    AtomicBackend().put(b'old', path)

    def full_disk(self, obj, filepath):
        Path(filepath).write_bytes(obj[:1])
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(LocalBackend, 'put', full_disk)
    with pytest.raises(OSError):
        AtomicBackend().put(b'new', path)
    assert path.read_bytes() == b'old' and list(tmp_path.iterdir()) == [path]


def test_two_processes_hold_the_same_weights(tmp_path):
    """Different noise on each, averaged gradients, equal weights, z* and amplitudes; also from a seed of their own."""
    cfg = tiny_config(tmp_path, log_level='ERROR', randomness__diff_rank_seed=True)
    cfg.dump(tmp_path / 'config.py')

    def shared(model):
        values = [*model.parameters(), model.seed, model.fixed_noise, model.noise_weights]
        return [value.detach() for value in values]

    assert_same(*train_in_two_processes(tmp_path / 'config.py', shared))


def test_default_checkpoint_interval_reaches_the_end(tmp_path):
    """Whatever the interval, the last iteration is saved."""
    cfg = tiny_config(tmp_path, default_hooks__checkpoint__interval=1000)
    run(cfg)
    assert [path.name for path in tmp_path.glob('*.pth')] == ['iter_9.pth']
