"""A SinGAN whose scales are trained for different numbers of iterations."""

from pathlib import Path

import pytest
from mmengine.hooks import Hook
from singan_runs import assert_same, checkpoint, run, tiny_config

from mmpe.apis.logged_progress import read_progress, scalar_files
from mmpe.errors import InputError
from mmpe.models.singan import SinGANModel
from mmpe.registry import HOOKS, MODELS

LISTED = [2, 1, 3]
PLACES = [(0, 1), (1, 0), (2, 0), (2, 1), (2, 2), (3, 0)]
"""Scale and step after each iteration of the run."""


QUIET = dict(custom_hooks=[], default_hooks__checkpoint__interval=100)
"""Without pictures, and with the last checkpoint alone."""


@pytest.fixture(scope='module')
def runner(tmp_path_factory):
    """A whole run at three scales, all checkpoints kept."""
    work_dir = tmp_path_factory.mktemp('listed')
    return run(tiny_config(work_dir, iters_per_scale=LISTED, log_level='INFO', custom_hooks=[]))


@pytest.fixture(scope='module')
def listed(runner):
    return Path(runner.work_dir)


def state(work_dir, iteration):
    saved = checkpoint(work_dir, iteration)
    return {key: saved[key] for key in ('state_dict', 'optimizer')}


def test_each_scale_is_trained_for_its_own_iterations(listed):
    states = [checkpoint(listed, iteration)['state_dict'] for iteration in range(1, 7)]
    assert [(int(state['stage']), int(state['step'])) for state in states] == PLACES
    assert not (listed / 'iter_7.pth').exists()


@pytest.mark.parametrize('iteration', [2, 4])
def test_resumes_within_and_between_scales_to_the_bit(listed, tmp_path, iteration):
    load_from = str(listed / f'iter_{iteration}.pth')
    run(tiny_config(tmp_path, iters_per_scale=LISTED, resume=True, load_from=load_from, **QUIET))
    assert_same(state(tmp_path, 6), state(listed, 6))


def test_the_last_number_counts_for_all_further_scales(tmp_path):
    for name, iterations in dict(number=2, list=[2]).items():
        run(tiny_config(tmp_path / name, iters_per_scale=iterations, **QUIET))
    assert_same(state(tmp_path / 'list', 6), state(tmp_path / 'number', 6))


def test_log_and_progress_know_the_iterations_of_each_scale(listed):
    log = next(listed.glob('*/*.log')).read_text()
    for line in ('scale 1 of 3 [2/2]', 'scale 2 of 3 [1/1]', 'scale 3 of 3 [1/3]', 'scale 3 of 3 [3/3]'):
        assert line in log
    (file,) = scalar_files(listed)
    progress = read_progress(file)
    assert (progress.stage, progress.done, progress.total, progress.share) == ('scale 3/3', 3, 3, 1.0)


def test_progress_in_the_middle_of_a_scale(listed, tmp_path):
    (file,) = scalar_files(listed)
    first_five = file.read_text().splitlines(keepends=True)[:5]
    (tmp_path / 'scalars.json').write_text(''.join(first_five))
    progress = read_progress(tmp_path / 'scalars.json')
    assert (progress.stage, progress.done, progress.total, progress.share) == ('scale 3/3', 2, 3, 0.8)


def test_the_time_left_is_estimated_by_the_work_of_each_scale(runner):
    hook = HOOKS.build(dict(type='PyramidTimerHook'))
    hook.before_train(runner)
    coarse, middle, fine = hook.costs
    done = [0, coarse, 2 * coarse]
    done += [done[-1] + middle + fine * step for step in range(4)]
    assert [hook._work(iteration) for iteration in range(7)] == pytest.approx(done)


@HOOKS.register_module(force=True)
class ScaleRateRecorder(Hook):
    """The learning rates that iterations train with, in units of the config's."""

    rates = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.rates.append(runner.optim_wrapper['generator'].param_groups[0]['lr'] / 0.0005)


@pytest.mark.parametrize(
    'iterations, milestones, expected',
    [
        ([4, 2, 2], (0.5,), [1, 1, 0.1, 0.1, 1, 0.1, 1, 0.1]),
        ([4, 4, 1], (0.25, 3), [1, 0.1, 0.1, 0.01, 1, 0.1, 0.1, 0.01, 0.1]),  # a quarter of one iteration is none
    ],
)
def test_a_fraction_is_a_share_of_the_iterations_of_a_scale(tmp_path, monkeypatch, iterations, milestones, expected):
    monkeypatch.setattr(ScaleRateRecorder, 'rates', [])
    options = {**QUIET, 'custom_hooks': [dict(type='ScaleRateRecorder')]}
    run(tiny_config(tmp_path, iters_per_scale=iterations, model__lr_milestones=milestones, **options))
    assert ScaleRateRecorder.rates == pytest.approx(expected)


def test_what_a_schedule_has_in_vain_is_logged(tmp_path):
    options = dict(iters_per_scale=[1, 1, 1, 9], model__lr_milestones=[0.8, 1600], log_level='INFO', **QUIET)
    run(tiny_config(tmp_path, **options))
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'iters_per_scale has 4 numbers, and the pyramid has 3 scales: the numbers after the first 3' in log
    assert 'lr_milestones: 1600 is never reached' in log


@pytest.mark.parametrize('iteration, other', [(1, [1, 2, 3]), (2, 3), (4, [2, 2]), (5, [2, 1, 2])])
def test_a_checkpoint_of_another_schedule_is_refused(listed, tmp_path, iteration, other):
    """Another place in the run, or a step that the scale does not have."""
    options = dict(resume=True, load_from=str(listed / f'iter_{iteration}.pth'))
    with pytest.raises(InputError, match='resume with the iters_per_scale that it was trained with'):
        run(tiny_config(tmp_path, iters_per_scale=other, **options))


def test_the_iterations_of_later_scales_may_change_on_resume(listed, tmp_path):
    options = dict(resume=True, load_from=str(listed / 'iter_2.pth'), **QUIET)
    assert run(tiny_config(tmp_path, iters_per_scale=[2, 2, 1], **options)).iter == 5


@pytest.mark.parametrize(
    'name, value, message',
    [
        ('iters_per_scale', [], r'iters_per_scale=\[\] cannot work: give one number for all scales, or a list'),
        ('iters_per_scale', [4, 0], r'iters_per_scale\[1\]=0 cannot work: it must be at least 1'),
        ('iters_per_scale', (4, 2.5), r'iters_per_scale\[1\]=2.5 cannot work: it must be a whole number, at least 1'),
        ('iters_per_scale', [4, [2]], r'iters_per_scale\[1\]=\[2\] cannot work'),
        ('iters_per_scale', [True], r'iters_per_scale\[0\]=True cannot work'),
        ('iters_per_scale', '400', "iters_per_scale='400' cannot work: it must be a whole number"),
        ('iters_per_scale', None, 'iters_per_scale=None cannot work'),
        ('iters_per_scale', {0: 400}, 'iters_per_scale={0: 400} cannot work'),
        ('lr_milestones', [1.5], r'lr_milestones\[0\]=1.5 cannot work: give an iteration, at least 0, or a share'),
        ('lr_milestones', [0.8, -1], r'lr_milestones\[1\]=-1 cannot work'),
        ('lr_milestones', [float('nan')], r'lr_milestones\[0\]=nan cannot work'),
        ('lr_milestones', ['0.8'], r"lr_milestones\[0\]='0.8' cannot work"),
        ('lr_milestones', 0.8, 'lr_milestones=0.8 cannot work: it must be a list of numbers'),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_in_a_line(name, value, message):
    config = dict(type='SinGANModel', generator=dict(type='SinGANGenerator'))
    with pytest.raises(InputError, match=message) as error:
        MODELS.build({**config, name: value})
    assert '\n' not in str(error.value)
    assert isinstance(MODELS.build(config), SinGANModel)
