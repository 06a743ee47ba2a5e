"""A family that implements the contracts and nothing else is trained, resumed, scored, sampled and audited."""

import pytest
import torch
from PIL import Image
from singan_runs import REPOSITORY
from torch import nn

from mmpe.apis import load, load_config, train
from mmpe.cli import audit, sample, test
from mmpe.models.generator_inputs import GeneratorInputs
from mmpe.models.gradients import accumulate_gradients, step
from mmpe.models.resumable import ResumableModel
from mmpe.models.sampled import SampledModel
from mmpe.random_numbers import random_generator
from mmpe.registry import MODELS

CONFIG = f"""
_base_ = [
    '{REPOSITORY}/configs/_base_/default_runtime.py',
    '{REPOSITORY}/configs/_base_/datasets/drawn_faces.py',
]
model = dict(type='GaussianModel', height=16)
train_dataloader = dict(batch_size=4, dataset=dict(size=16, num=10))
train_cfg = dict(type='ResumableTrainLoop', max_iters=5, val_interval=5)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=0.05))
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=-1))
custom_hooks = [dict(type='SizesPictureHook', interval=5, num_samples=2)]
val_dataloader = test_dataloader = dict(dataset=dict(num=4, sizes=None))
val_evaluator = test_evaluator = dict(type='SlicedWasserstein', _delete_=True)
"""


class Painter(nn.Module):
    """Noise to images, by a mean and a deviation per pixel."""

    def __init__(self, height):
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(3, height, height))
        self.deviation = nn.Parameter(torch.ones(3, height, height))

    def forward(self, noise):
        return self.mean + self.deviation * noise


@MODELS.register_module()
class GaussianModel(ResumableModel, SampledModel):
    """Independent Gaussian pixels, fitted with noise on the real ones."""

    family = 'Gaussian'
    starts_anew = ('images_seen',)

    def __init__(self, height, data_preprocessor=None):
        super().__init__(data_preprocessor)
        self.painter = Painter(height)
        self.register_buffer('images_seen', torch.zeros((), dtype=torch.long))

    def train_step(self, data, optim_wrapper):
        images = torch.stack(list(self.data_preprocessor(data, True)['inputs'])) / 127.5 - 1
        rng = random_generator('dequantization', int(self.images_seen))
        images = images + torch.rand(images.shape, generator=rng) / 127.5

        def loss():
            normal = torch.distributions.Normal(self.painter.mean, self.painter.deviation.abs() + 0.01)
            return -normal.log_prob(images).mean()

        found = accumulate_gradients(optim_wrapper, self, [('loss', loss)])
        step(optim_wrapper, self)
        self.images_seen += len(images)
        return found

    def _noise(self, rng):
        return torch.randn(self.painter.mean.shape, generator=rng)

    @torch.no_grad()
    def sample(self, num=1, *, seed=0, first=0):
        numbers = range(first, first + num)
        return self.painter(torch.stack([self._noise(random_generator('sampling', seed, i)) for i in numbers]))

    def generator_inputs(self, size=None):
        return GeneratorInputs(self.painter, lambda num, rng: torch.stack([self._noise(rng) for _ in range(num)]))


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A folder with a config, gaussian.py, and its finished run, whole."""
    folder = tmp_path_factory.mktemp('family')
    (folder / 'gaussian.py').write_text(CONFIG)
    train(load_config(folder / 'gaussian.py', dict(work_dir=str(folder / 'whole'))))
    return folder


def test_it_resumes_to_the_bit(trained):
    options = dict(work_dir=str(trained / 'resumed'), resume=True, load_from=str(trained / 'whole/iter_2.pth'))
    train(load_config(trained / 'gaussian.py', options))
    whole, resumed = (load(trained / name / 'iter_5.pth').state_dict() for name in ('whole', 'resumed'))
    assert int(whole['images_seen']) == 20
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())
    assert not torch.equal(whole['painter.mean'], load(trained / 'whole/iter_2.pth').painter.mean)


def test_its_pictures_are_shown_in_training(trained):
    with Image.open(trained / 'whole/pictures/iter_5.png') as sheet:
        assert sheet.height > 2 * 16


def test_it_is_sampled(trained, monkeypatch, capsys):
    monkeypatch.chdir(trained)
    sample.main(['whole/iter_5.pth', '--num', '2', '--out', 'samples'])
    assert 'wrote 2 images of 16x16' in capsys.readouterr().out
    with pytest.raises(SystemExit):
        sample.main(['whole/iter_5.pth', '--size', '32x32', '--out', 'larger'])
    assert 'a GaussianModel is sampled without a size: leave it out' in capsys.readouterr().err


def test_it_is_scored(trained, monkeypatch, capsys):
    monkeypatch.chdir(trained)
    test.main(['gaussian.py', 'whole/iter_5.pth'])
    assert '| 16x16 |' in capsys.readouterr().out
    with pytest.raises(SystemExit):
        test.main(['gaussian.py', 'whole/iter_5.pth', '--cfg-options', 'test_dataloader.dataset.sizes=[32]'])
    assert 'images of 32x32 were asked for, and the model gave 16x16' in capsys.readouterr().err


def test_it_is_audited(trained, monkeypatch, capsys):
    monkeypatch.chdir(trained)
    audit.main(['whole/iter_5.pth', '--num', '16', '--layers', 'output'])
    assert 'wrote audit.html' in capsys.readouterr().out
