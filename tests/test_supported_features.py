"""What MMEngine offers and mmpe cannot serve is refused by its name, by the tool and by MMEngine's own runner."""

import pytest
import torch
from mmengine.runner import FlexibleRunner
from singan_runs import run, tiny_config
from stylegan2_runs import tiny_config as stylegan2_config

from mmpe.apis import train
from mmpe.errors import InputError
from mmpe.models.singan import SinGANModel

UNSUPPORTED = dict(
    runner_type='FlexibleRunner',
    strategy=dict(type='DeepSpeedStrategy'),
    activation_checkpointing=['generator'],
    efficient_conv_bn_eval=['generator'],
)


@pytest.mark.parametrize('make', [tiny_config, stylegan2_config])
@pytest.mark.parametrize('name', UNSUPPORTED)
def test_by_the_tool(tmp_path, make, name):
    config = make(tmp_path / 'run', launcher='none', **{name: UNSUPPORTED[name]})
    with pytest.raises(InputError, match=f'^{name}=.*not supported.*leave it out'):
        train(config)
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('make', [tiny_config, stylegan2_config])
@pytest.mark.parametrize(
    'name, value',
    [('compile', 'inductor'), ('activation_checkpointing', ['generator'])],
)
def test_by_mmengines_runner(tmp_path, make, name, value):
    with pytest.raises(InputError, match=f'^{name}='):
        run(make(tmp_path, **{name: value}))


@pytest.mark.parametrize('value', [None, False])
def test_what_is_switched_off_is_not_in_the_way(tmp_path, value):
    run(tiny_config(tmp_path, iters_per_scale=1, compile=value))


@pytest.mark.parametrize('make', [tiny_config, stylegan2_config])
@pytest.mark.parametrize('named', [True, False])
def test_mmengines_other_runner_is_refused(tmp_path, make, named):
    config = make(tmp_path, experiment_name=f'flexible {named} {make.__module__}')
    if named:
        config.runner_type = 'FlexibleRunner'
    with pytest.raises(InputError, match="runner_type='FlexibleRunner'" if named else 'FlexibleRunner cannot train'):
        FlexibleRunner.from_cfg(config).train()


def test_determinism_that_a_kernel_does_not_have_is_refused_by_its_name(tmp_path, monkeypatch):
    def train_step(self, data, optim_wrapper):
        return dict(loss=torch.zeros(4).put_(torch.tensor([0]), torch.tensor([1.0])))

    monkeypatch.setattr(SinGANModel, 'train_step', train_step)
    config = tiny_config(tmp_path / 'run', launcher='none', randomness=dict(deterministic=True))
    with pytest.raises(InputError, match=r'^randomness.deterministic=True cannot work: put_ has only .*leave it out$'):
        train(config)
