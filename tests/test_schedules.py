"""The learning rate that the config names is what trains, with MMEngine's schedules and after a resume."""

import math
import os
import signal

import classic_runs
import pytest
import stylegan2_runs
import torch
from mmengine.hooks import Hook
from singan_runs import REPOSITORY, assert_same, checkpoint, run
from singan_runs import tiny_config as singan_config

from mmpe.errors import InputError
from mmpe.registry import HOOKS

ITERATIONS = 6
RISE = dict(type='LinearLR', by_epoch=False, start_factor=0.1, begin=0, end=3)
FALL = dict(type='CosineAnnealingLR', by_epoch=False, T_max=ITERATIONS, eta_min=0)
DROP = dict(type='MultiStepLR', by_epoch=False, milestones=[2, 4], gamma=0.5)
CYCLE = dict(type='OneCycleLR', by_epoch=False, eta_max=0.01, total_steps=ITERATIONS)  # keeps a function in its state


def rise(base, i):
    return base * (0.1 + 0.9 * min(i, 2) / 2)


def fall(base, i):
    return base * (1 + math.cos(math.pi * i / ITERATIONS)) / 2


def drop(base, i):
    return base * 0.5 ** sum(i >= milestone for milestone in (2, 4))


@HOOKS.register_module(force=True)
class RateRecorder(Hook):
    """The rates that each iteration trains with, by network."""

    rates = {}

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        for name, wrapper in runner.optim_wrapper.items():
            self.rates.setdefault(name, {})[runner.iter] = wrapper.optimizer.param_groups[0]['lr']


@pytest.fixture(autouse=True)
def recorder(monkeypatch):
    monkeypatch.setattr(RateRecorder, 'rates', {})
    return RateRecorder


def dcgan(work_dir, **options):
    model = dict(
        generator=dict(out_size=16, channels=8, latent_channels=4), discriminator=dict(in_size=16, channels=4), ema=None
    )
    return classic_runs.tiny_config(
        work_dir, REPOSITORY / 'configs/dcgan/dcgan_quickstart.py', model, ITERATIONS, **options
    )


def pggan(work_dir, **options):
    model = dict(
        generator=dict(out_size=8, latent_channels=4, base_channels=16, max_channels=4),
        discriminator=dict(in_size=8, base_channels=16, max_channels=4),
        kimgs_per_scale=dict(_delete_=True, **{'4': 0.012, '8': 0.1}),
        transition_kimgs=0.004,
        lr_factors=dict(_delete_=True, **{'4': 0.5, '8': 3.0}),
    )
    options = dict(train_dataloader__batch_sampler=None) | options
    return classic_runs.tiny_config(
        work_dir, REPOSITORY / 'configs/pggan/pggan_quickstart.py', model, ITERATIONS, **options
    )


def mspie(work_dir, **options):
    return stylegan2_runs.tiny_config(work_dir, iterations=ITERATIONS, **options)


FAMILIES = dict(dcgan=dcgan, pggan=pggan, mspie=mspie)
FACTORS = dict(dcgan=[1.0] * 6, mspie=[1.0] * 6, pggan=[0.5] * 3 + [3.0] * 3)  # of the family's own, by iteration


def config(family, work_dir, **options):
    cfg = FAMILIES[family](work_dir, **options)
    cfg.custom_hooks = [dict(type='RateRecorder')]
    return cfg


def bases(cfg):
    return {name: cfg.optim_wrapper[name].optimizer.lr for name in ('generator', 'discriminator')}


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize(
    'schedule, rates',
    [
        ([RISE], dict(generator=rise, discriminator=rise)),
        ([DROP], dict(generator=drop, discriminator=drop)),
        (dict(generator=[FALL], discriminator=RISE), dict(generator=fall, discriminator=rise)),
    ],
    ids=['rise', 'drop', 'one a network'],
)
def test_a_schedule_is_followed_saved_and_resumed_to_the_bit(family, tmp_path, recorder, schedule, rates):
    cfg = config(family, tmp_path / 'whole', param_scheduler=schedule)
    run(cfg)
    whole = recorder.rates
    for name, base in bases(cfg).items():
        expected = [rates[name](base, i) * factor for i, factor in enumerate(FACTORS[family])]
        assert list(whole[name].values()) == pytest.approx(expected)
    recorder.rates = {}
    load_from = str(tmp_path / 'whole/iter_3.pth')
    run(config(family, tmp_path / 'resumed', param_scheduler=schedule, resume=True, load_from=load_from))
    for name in whole:
        assert recorder.rates[name] == {i: rate for i, rate in whole[name].items() if i >= 3}
    one, other = (checkpoint(tmp_path / name, ITERATIONS) for name in ('whole', 'resumed'))
    for key in ('state_dict', 'optimizer', 'param_schedulers'):
        assert_same(one[key], other[key])


def test_a_schedule_that_keeps_functions_resumes(tmp_path, recorder):
    run(config('dcgan', tmp_path / 'whole', param_scheduler=[CYCLE]))
    whole, recorder.rates = recorder.rates, {}
    load_from = str(tmp_path / 'whole/iter_2.pth')
    run(config('dcgan', tmp_path / 'resumed', param_scheduler=[CYCLE], resume=True, load_from=load_from))
    assert recorder.rates['generator'] == {i: rate for i, rate in whole['generator'].items() if i >= 2}


def test_an_interrupted_run_has_stepped_its_schedule(tmp_path, recorder):
    run(config('dcgan', tmp_path / 'whole', param_scheduler=[RISE]))
    whole, recorder.rates = recorder.rates, {}

    @HOOKS.register_module(force=True)
    class Interrupter(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if runner.iter == 1:
                os.kill(os.getpid(), signal.SIGTERM)

    cfg = config('dcgan', tmp_path / 'broken', param_scheduler=[RISE], default_hooks__checkpoint__interval=100)
    cfg.custom_hooks.append(dict(type='Interrupter'))
    with pytest.raises(SystemExit):
        run(cfg)
    load_from = str(tmp_path / 'broken/iter_2.pth')
    run(config('dcgan', tmp_path / 'resumed', param_scheduler=[RISE], resume=True, load_from=load_from))
    assert recorder.rates == whole


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize('schedule', [None, [RISE]], ids=['constant', 'rise'])
def test_the_rate_of_the_config_trains_on_resume(family, tmp_path, recorder, caplog, schedule):
    options = dict(param_scheduler=schedule) if schedule else {}
    run(config(family, tmp_path / 'whole', **options))
    whole, recorder.rates = recorder.rates, {}
    cfg = config(family, tmp_path / 'resumed', resume=True, load_from=str(tmp_path / 'whole/iter_2.pth'), **options)
    cfg.log_level = 'INFO'
    before = bases(cfg)
    cfg.optim_wrapper.generator.optimizer.update(lr=before['generator'] / 10, betas=(0.2, 0.9))
    runner = run(cfg)
    for i in range(2, ITERATIONS):
        assert recorder.rates['generator'][i] == pytest.approx(whole['generator'][i] / 10)
        assert recorder.rates['discriminator'][i] == whole['discriminator'][i]
    assert tuple(runner.optim_wrapper['generator'].optimizer.param_groups[0]['betas']) == (0.2, 0.9)
    log = next(tmp_path.glob('resumed/*/*.log')).read_text()
    assert f'generator: lr is {before["generator"] / 10} as the config says' in log
    assert f'the checkpoint was trained with {before["generator"]}' in log
    assert 'discriminator: lr' not in log


def test_a_singan_trains_at_the_rate_of_the_config_on_resume(tmp_path, recorder):
    changed = {'optim_wrapper__generator__optimizer__lr': 0.0001}
    run(singan_config(tmp_path / 'whole', custom_hooks=[dict(type='RateRecorder')]))
    assert recorder.rates['generator'] == pytest.approx({i: 0.0005 * 0.1 ** (i % 3 == 2) for i in range(9)})
    recorder.rates = {}
    options = dict(resume=True, load_from=str(tmp_path / 'whole/iter_3.pth'), custom_hooks=[dict(type='RateRecorder')])
    run(singan_config(tmp_path / 'resumed', **options, **changed))
    assert recorder.rates['generator'] == pytest.approx({i: 0.0001 * 0.1 ** (i % 3 == 2) for i in range(3, 9)})
    assert recorder.rates['discriminator'] == pytest.approx({i: 0.0005 * 0.1 ** (i % 3 == 2) for i in range(3, 9)})


@pytest.mark.parametrize('schedule', [[RISE], RISE, dict(generator=[RISE])])
def test_a_singan_refuses_another_schedule(tmp_path, schedule):
    with pytest.raises(InputError, match='model.lr_milestones and model.lr_gamma.*leave param_scheduler out'):
        run(singan_config(tmp_path, param_scheduler=schedule))


def test_schedules_may_come_and_go_but_not_change_in_number(tmp_path, recorder):
    run(config('dcgan', tmp_path / 'with', param_scheduler=[DROP]))
    run(config('dcgan', tmp_path / 'without'))
    recorder.rates = {}
    resume = dict(resume=True, load_from=str(tmp_path / 'with/iter_4.pth'))
    cfg = config('dcgan', tmp_path / 'gone', **resume)
    run(cfg)
    assert set(recorder.rates['generator'].values()) == {bases(cfg)['generator']}
    with pytest.raises(InputError, match='trained with 1 param_schedulers of generator and the config has 2'):
        run(config('dcgan', tmp_path / 'more', param_scheduler=[DROP, RISE], **resume))
    recorder.rates = {}
    resume = dict(resume=True, load_from=str(tmp_path / 'without/iter_2.pth'))
    run(config('dcgan', tmp_path / 'come', param_scheduler=[RISE], **resume))
    expected = [rise(bases(cfg)['generator'], i) for i in range(4)]
    assert list(recorder.rates['generator'].values()) == pytest.approx(expected)


def test_checkpoints_are_plain(tmp_path):
    run(config('dcgan', tmp_path, param_scheduler=dict(generator=[CYCLE], discriminator=[FALL, DROP])))
    saved = torch.load(tmp_path / 'iter_3.pth', weights_only=True)
    assert {name: len(states) for name, states in saved['param_schedulers'].items()} == dict(
        generator=1, discriminator=2
    )
