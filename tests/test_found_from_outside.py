"""What people who had not written mmpe stumbled over when they tried it."""

import collections
import os
import pathlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from singan_runs import REPOSITORY, checkpoint, run, tiny_config
from stylegan2_runs import tiny_config as stylegan2_config
from torch.utils.data import Dataset

from mmpe.apis import load, load_config, train
from mmpe.apis.one_picture import finished_model
from mmpe.cli.from_signatures import command
from mmpe.errors import InputError
from mmpe.evaluation.real_pictures import RealPictures
from mmpe.numbers import as_size
from mmpe.registry import DATASETS, HOOKS, MODELS, plain_data


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A finished SinGAN's last checkpoint."""
    work_dir = tmp_path_factory.mktemp('trained')
    runner = run(tiny_config(work_dir, iters_per_scale=1))
    return work_dir / f'iter_{runner.max_iters}.pth'


@pytest.mark.parametrize('closed', ['>&-', '2>&-', '>&- 2>&- <&-'])
def test_closed_streams_cost_nothing(trained, tmp_path, closed):
    """As cron and daemons start programs."""
    tool = REPOSITORY / 'tools/sample.py'
    command = f'exec {sys.executable} {tool} {trained} --num 1 --out {tmp_path / "out"} {closed}'
    assert subprocess.run(['sh', '-c', command], capture_output=True).returncode == 0
    assert (tmp_path / 'out/sample_000.png').is_file()


def test_a_project_has_a_default_scope_of_its_own(tmp_path, monkeypatch):
    package = tmp_path / 'their_package'
    package.mkdir()
    (package / '__init__.py').touch()
    (package / 'registry.py').write_text(
        'from mmengine.registry import MODELS as ROOT, Registry\n'
        "MODELS = Registry('model', parent=ROOT, scope='their_package', locations=['their_package'])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'theirs.py').write_text(
        "_base_ = 'mmpe::singan/singan_quickstart.py'\n"
        "default_scope = 'their_package'\n"
        'model = dict(iters_per_scale=1, lr_milestones=())\n'
        'train_dataloader = dict(dataset=dict(min_size=20, max_size=36))\n'
        f'work_dir = {str(tmp_path / "work")!r}\n'
    )
    Runner.from_cfg(Config.fromfile(tmp_path / 'theirs.py')).train()
    assert list((tmp_path / 'work').glob('iter_*.pth'))


def test_a_singan_does_not_accumulate(tmp_path):
    with pytest.raises(InputError, match='generator.accumulative_counts=2: .*leave it out'):
        run(tiny_config(tmp_path, optim_wrapper__generator__accumulative_counts=2))


def test_an_unfinished_singan_is_scored_as_far_as_it_is_trained(tmp_path):
    options = dict(train_dataloader__dataset__min_size=20, train_dataloader__dataset__max_size=40)
    run(tiny_config(tmp_path / 'run', iters_per_scale=1, train_cfg__val_interval=1, **options))
    options |= dict(load_from=str(tmp_path / 'run/iter_1.pth'), experiment_name='unfinished')
    scores = Runner.from_cfg(tiny_config(tmp_path / 'val', iters_per_scale=1, **options)).val()
    assert 0 < scores['single_picture/reconstruction_rmse'] < 2


@pytest.mark.parametrize('value', [pathlib.PurePosixPath('x'), object, torch.Generator()])
def test_what_a_hook_adds_to_checkpoints_can_be_read_again(tmp_path, value):
    @HOOKS.register_module(name='AddingHook', force=True)
    class AddingHook(Hook):
        priority = 'HIGHEST'

        def before_save_checkpoint(self, runner, checkpoint):
            checkpoint['theirs'] = value

    with pytest.raises(InputError, match="its 'theirs' holds more than tensors and plain data"):
        run(tiny_config(tmp_path, custom_hooks=[dict(type='AddingHook')]))


def test_named_tuples_become_plain():
    box = collections.namedtuple('Box', 'x y')(1, [2])
    assert plain_data(dict(box=box)) == dict(box=(1, [2]))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_type_are_named_on_resume(trained, tmp_path, dtype):
    saved = torch.load(trained.with_name('iter_1.pth'), weights_only=True)
    saved['state_dict'] = {k: v.to(dtype) if v.is_floating_point() else v for k, v in saved['state_dict'].items()}
    torch.save(saved, tmp_path / 'other.pth')
    cfg = tiny_config(tmp_path / 'run', iters_per_scale=1, resume=True, load_from=str(tmp_path / 'other.pth'))
    cfg.launcher = 'none'
    with pytest.raises(InputError, match=str(dtype).removeprefix('torch.')):
        train(cfg)


@pytest.mark.parametrize(
    'clip_grad',
    [
        dict(max_norm=-1),
        dict(max_norm=0),
        dict(max_norm='abc'),
        dict(max_nrm=1),
        dict(type='value', clip_value='abc'),
        dict(max_norm=1, norm_type='abc'),
        5,
    ],
)
def test_what_cannot_clip_gradients(tmp_path, clip_grad):
    with pytest.raises(InputError, match=r'optim_wrapper\.generator\.clip_grad'):
        run(tiny_config(tmp_path, optim_wrapper__generator__clip_grad=clip_grad))


def test_gradients_are_clipped(tmp_path):
    infinite = dict(max_norm=1e-9, norm_type='inf')
    run(tiny_config(tmp_path / 'a', iters_per_scale=1, optim_wrapper__generator__clip_grad=dict(max_norm=1.0)))
    run(tiny_config(tmp_path / 'b', iters_per_scale=1, optim_wrapper__generator__clip_grad=infinite))
    a, b = (checkpoint(tmp_path / name, 1)['state_dict'] for name in 'ab')
    assert any(not torch.equal(a[name], b[name]) for name in a)


def test_a_schedule_never_makes_a_rate_negative(tmp_path):
    schedule = [dict(type='MultiStepLR', by_epoch=False, milestones=[1], gamma=-1)]
    with pytest.raises(InputError, match='the learning rate of generator is -.* at iteration 2'):
        run(stylegan2_config(tmp_path, param_scheduler=schedule))


def test_real_pictures_may_be_the_numbers_that_models_learn_from(tmp_path):
    @DATASETS.register_module(name='Greys', force=True)
    class Greys(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return dict(inputs=torch.full((3, 8, 8), float(index)))

    real = RealPictures(dict(type='Greys'), cache_dir=tmp_path, num_workers=0)
    found = real.measure([(8, 8)], lambda pictures, numbers: pictures.float().mean((1, 2, 3)), 'mean')
    assert found[8, 8].tolist() == [128, 255]


@pytest.mark.parametrize('name', ['~/results', '~'])
def test_a_home_folder_in_any_option(tmp_path, monkeypatch, name):
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    given = []

    @command('tool')
    def tool(inputs: list[str], /, *, out: Path):
        given.append((inputs, out))

    tool([name, 'other', f'--out={name}'])
    expected = os.path.expanduser(name)
    assert given == [([expected, 'other'], Path(expected))]


@pytest.mark.parametrize('seed', [torch.tensor(3), torch.tensor([3])[0]])
def test_a_seed_may_be_a_tensor(trained, seed):
    model = load(trained)
    assert torch.equal(model.sample(seed=seed), model.sample(seed=3))


def test_no_image_is_no_number_of_images(trained):
    with pytest.raises(InputError, match='num=0'):
        load(trained).sample(num=0)


def test_an_unfinished_run_is_not_gone_on_with_for_another_picture(trained, tmp_path):
    shutil.copy(trained.with_name('iter_1.pth'), tmp_path)
    assert finished_model(tiny_config(tmp_path, iters_per_scale=1)) is None
    other = tiny_config(tmp_path, iters_per_scale=1, train_dataloader__dataset__data_root='skimage://coffee')
    with pytest.raises(InputError, match='iter_1.pth was trained on another picture: give another --out'):
        finished_model(other)


@pytest.mark.parametrize(
    'schedule',
    [
        dict(type='StepLR', by_epoch=False, step_size=0),
        dict(type='PolyLR', by_epoch=False, power=-5, end=2),
    ],
)
def test_a_schedule_that_cannot_be_computed_is_one_line(tmp_path, schedule):
    with pytest.raises(InputError, match='param_scheduler.*cannot'):
        train(stylegan2_config(tmp_path, launcher='none', param_scheduler=[schedule]))


@pytest.mark.parametrize('array', [np.array, torch.tensor])
def test_sizes_and_boxes_may_be_arrays(array):
    assert as_size(array([3, 4])) == (3, 4)
    with pytest.raises(InputError, match='size='):
        as_size(array([[3, 4]]))


@pytest.mark.parametrize('template', [5, 'checkpoint.pth', None])
def test_names_of_checkpoints(tmp_path, template):
    if template is None:
        run(tiny_config(tmp_path, iters_per_scale=1, default_hooks__checkpoint__filename_tmpl='my_{}.pth'))
        assert (tmp_path / 'my_1.pth').is_file()
        return
    with pytest.raises(InputError, match='filename_tmpl='):
        run(tiny_config(tmp_path, default_hooks__checkpoint__filename_tmpl=template))


def test_steps_of_an_optimiser_are_not_negative(trained, tmp_path):
    saved = torch.load(trained.with_name('iter_1.pth'), weights_only=True)
    for state in saved['optimizer']['generator']['state'].values():
        state['step'] -= 100
    torch.save(saved, tmp_path / 'other.pth')
    cfg = tiny_config(tmp_path / 'run', iters_per_scale=1, resume=True, load_from=str(tmp_path / 'other.pth'))
    cfg.launcher = 'none'
    with pytest.raises(InputError, match='other.pth.*has a step of .* below 0'):
        train(cfg)


@pytest.mark.parametrize(
    ('setting', 'value'),
    [
        ('num_digits', 'abc'),
        ('num_digits', -3),
        ('num_digits', 10**9),
        ('num_digits', 1.5),
        ('custom_cfg', [dict(data_src='loss_penalty', method_name='nope', window_size=2)]),
        ('custom_cfg', [dict(data_src='loss_penalty', method_name='mean', window_size='x')]),
        ('custom_cfg', [dict(data_src='loss_penalty', method_name='mean', window_size=-2)]),
        ('custom_cfg', [dict(data_src='loss_penalty')]),
        ('custom_cfg', [5]),
        ('custom_cfg', 'abc'),
    ],
)
def test_logging_that_cannot_work_is_refused_before_training(tmp_path, setting, value):
    cfg = tiny_config(tmp_path, launcher='none', **{f'log_processor__{setting}': value})
    with pytest.raises(InputError):
        train(cfg)
    assert not list(tmp_path.glob('*.pth'))


def test_what_a_hook_of_mmengine_finds_out_in_training_is_the_fault_of_its_config(tmp_path):
    numbered = dict(data_src='loss_penalty', log_name=5, method_name='mean', window_size=2)
    cfg = tiny_config(tmp_path, launcher='none', log_processor__custom_cfg=[numbered])
    with pytest.raises(InputError, match='LoggerHook at iteration 1: '):
        train(cfg)


def test_what_a_hook_of_a_project_raises_keeps_its_type(tmp_path):
    @HOOKS.register_module(force=True)
    class Faulty(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            raise KeyError('of the project')

    with pytest.raises(KeyError, match='of the project'):
        train(tiny_config(tmp_path, launcher='none', custom_hooks=[dict(type='Faulty')]))


@pytest.mark.parametrize(
    'schedule',
    [
        dict(type='MultiStepLR', by_epoch=False, milestones=['a'], gamma='b'),
        dict(type='MultiStepLR', by_epoch=False, milestones=[1.5]),
        dict(type='MultiStepLR', by_epoch=False, milestones=[-1]),
        dict(type='MultiStepLR', by_epoch=False, milestones=[1], gamma='b'),
        dict(type='StepLR', by_epoch=False, step_size=1.5),
        dict(type='ExponentialLR', by_epoch=False, gamma='0.1'),
        dict(type='CosineRestartLR', by_epoch=False, periods=[0.5], restart_weights=[1], eta_min=0),
    ],
)
@pytest.mark.parametrize('by_network', [False, True])
def test_a_schedule_of_text_or_fractions_of_steps_is_refused(tmp_path, schedule, by_network):
    schedules = dict(generator=[schedule], discriminator=[schedule]) if by_network else [schedule]
    with pytest.raises(InputError, match='param_scheduler.*cannot work'):
        train(stylegan2_config(tmp_path, launcher='none', param_scheduler=schedules))


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('stage', torch.tensor([1, 2])),
        ('stage', torch.tensor(1.5)),
        ('stage', torch.tensor(-1)),
        ('step', torch.tensor(True)),
        ('sizes', torch.tensor([[18.0, 24.0]])),
        ('fixed_noise', torch.ones(1, 3, 2, 2, dtype=torch.int64)),
    ],
)
def test_a_counter_that_is_no_count_is_the_fault_of_the_file(trained, tmp_path, name, value):
    saved = torch.load(trained, weights_only=True)
    saved['state_dict'][name] = value
    file = tmp_path / 'odd.pth'
    torch.save(saved, file)
    for use in (lambda: train(tiny_config(tmp_path / 'run', launcher='none', load_from=str(file))), lambda: load(file)):
        with pytest.raises(InputError, match=f'odd.pth: .*(scale -1|{name})'):
            use()


def test_weights_in_half_precision_are_weights(trained, tmp_path):
    saved = torch.load(trained, weights_only=True)
    saved['state_dict'] = {
        name: value.half() if value.is_floating_point() else value for name, value in saved['state_dict'].items()
    }
    torch.save(saved, tmp_path / 'half.pth')
    load(tmp_path / 'half.pth')
    train(tiny_config(tmp_path / 'run', launcher='none', load_from=str(tmp_path / 'half.pth')))


def test_a_config_that_an_earlier_version_has_dumped_is_guarded(tmp_path, caplog):
    train(tiny_config(tmp_path, launcher='none'))
    cfg = tiny_config(tmp_path, launcher='none', resume=True, load_from=str(tmp_path / 'iter_2.pth'), log_level='INFO')
    for name in ('work_dir', 'optimizer_settings'):
        del cfg.default_hooks[name]
    cfg.optim_wrapper.generator.optimizer.lr = 1e-5
    cfg.experiment_name = 'resumed'  # runs that start in the same second share a name, and so a logger with its level
    train(cfg)
    assert 'lr is 1e-05 as the config says' in caplog.text or _logged(tmp_path, 'lr is 1e-05 as the config says')


def _logged(work_dir, text: str) -> bool:
    return any(text in file.read_text() for file in work_dir.glob('**/*.log'))


def test_levels_of_the_log(tmp_path):
    with pytest.raises(InputError, match='log_level.*DEBUG, INFO'):
        train(tiny_config(tmp_path, launcher='none', log_level='ABC'))


@pytest.mark.parametrize('options', [dict(num=10**9), dict(num=10**9, size=(64, 64)), dict(size=(10**7, 10**7))])
@pytest.mark.parametrize('family', ['singan', 'mspie', 'dcgan'])
def test_images_that_memory_cannot_hold_are_refused_in_python_too(trained, tmp_path, family, options):
    if family == 'singan':
        model = load(trained)
    else:
        config = dict(
            mspie=stylegan2_config(tmp_path).model,
            dcgan=Config.fromfile(REPOSITORY / 'configs/dcgan/dcgan_quickstart.py').model,
        )[family]
        model = MODELS.build(config).eval()
    with pytest.raises(InputError, match='memory'):
        model.sample(**options)


@pytest.mark.parametrize('milestone', [1, 1.0, 1e0, np.int64(1)])
def test_a_whole_number_of_steps_may_be_written_as_a_fraction(tmp_path, milestone):
    schedule = dict(type='MultiStepLR', by_epoch=False, milestones=[milestone], gamma=0.5)
    runner = train(stylegan2_config(tmp_path, launcher='none', param_scheduler=[schedule], train_cfg__max_iters=2))
    assert runner.optim_wrapper['generator'].param_groups[0]['lr'] < runner.cfg.optim_wrapper.generator.optimizer.lr


def test_a_rate_that_no_step_can_be_taken_with_is_one_line(tmp_path):
    schedule = dict(type='ExponentialLR', by_epoch=False, gamma=1e35)
    with pytest.raises(InputError, match='learning rate.*change param_scheduler'):
        train(stylegan2_config(tmp_path, launcher='none', param_scheduler=[schedule]))


@pytest.mark.parametrize(
    ('flag', 'value'),
    [
        ('resume', 'maybe'),
        ('resume', 5),
        ('randomness__deterministic', 'abc'),
        ('env_cfg__cudnn_benchmark', 'no'),
        ('train_dataloader__pin_memory', 'false'),
    ],
)
def test_a_flag_is_true_or_false(tmp_path, flag, value):
    with pytest.raises(InputError, match=f'{flag.replace("__", ".")}={value!r} cannot work: it must be True or False'):
        train(tiny_config(tmp_path, launcher='none', **{flag: value}))


def test_modules_that_an_option_names_are_imported(tmp_path, monkeypatch):
    (tmp_path / 'of_the_user.py').write_text('import sys; sys.imported_by_an_option = True\n')
    monkeypatch.syspath_prepend(tmp_path)
    config = REPOSITORY / 'configs/singan/singan_fish.py'
    load_config(config, {'custom_imports.imports': ['of_the_user']})
    assert sys.imported_by_an_option
    with pytest.raises(InputError, match='custom_imports.*no_such_module'):
        load_config(config, {'custom_imports.imports': ['no_such_module']})
