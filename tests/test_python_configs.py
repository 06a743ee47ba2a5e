"""Configs in pure Python, with classes for types, train; their checkpoints are plain data. YAML configs are data."""

import runpy
import sys

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from singan_runs import REPOSITORY, assert_same

from mmpe.apis import load, load_config, train
from mmpe.apis.many_pictures import picture_config
from mmpe.apis.one_picture import finished_model
from mmpe.errors import InputError

BASE = """
from mmengine.hooks import IterTimerHook, LoggerHook, RuntimeInfoHook
from mmengine.optim import OptimWrapper
from mmengine.runner import LogProcessor
from mmengine.visualization import LocalVisBackend, Visualizer
from torch.optim import Adam

from mmpe.engine import PerNetworkOptimWrapperConstructor
from mmpe.engine.hooks import CompleteCheckpointHook, FiniteLossHook, InterruptHook, SameModelHook

default_scope = 'mmpe'
log_level = 'WARNING'
default_hooks = dict(
    runtime_info=dict(type=RuntimeInfoHook), timer=dict(type=IterTimerHook), logger=dict(type=LoggerHook, interval=1),
    param_scheduler=None, checkpoint=dict(type=CompleteCheckpointHook, interval=1, max_keep_ckpts=-1),
    sampler_seed=None, interrupt=dict(type=InterruptHook), finite_loss=dict(type=FiniteLossHook),
    same_model=dict(type=SameModelHook),
)
log_processor = dict(type=LogProcessor, by_epoch=False)
visualizer = dict(type=Visualizer, vis_backends=[dict(type=LocalVisBackend)])
optimizer = dict(type=Adam, lr=0.001, betas=(0.5, 0.99))
optim_wrapper = dict(
    constructor=PerNetworkOptimWrapperConstructor,
    generator=dict(type=OptimWrapper, optimizer=optimizer),
    discriminator=dict(type=OptimWrapper, optimizer=optimizer),
)
randomness = dict(seed=0)
"""
HEAD = """
from mmengine.config import read_base

with read_base():
    from .base import *

from mmengine.dataset import DefaultSampler, default_collate, pseudo_collate
from mmpe.datasets import DrawnFaces, ResumableSampler, SinGANDataset
from mmpe.engine import PyramidTrainLoop, ResumableTrainLoop
from mmpe.models.encodings import CartesianGrid, LearnableGrid, SinusoidalEncoding
"""
FACES = """
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type=ResumableSampler), collate_fn=dict(type=pseudo_collate),
    dataset=dict(type=DrawnFaces, num=8, size=16, flip=True),
)
train_cfg = dict(type=ResumableTrainLoop, max_iters=2)
"""
SINGAN = """
from mmpe.models.singan import SinGANDiscriminator, SinGANGenerator, SinGANModel
from mmpe.models.padding import PadEachLayer

model = dict(
    type=SinGANModel, iters_per_scale=1,
    generator=dict(
        type=SinGANGenerator, base_channels=4, noise_channels=1,
        encoding=dict(type=CartesianGrid), padding=dict(type=PadEachLayer),
    ),
    discriminator=dict(type=SinGANDiscriminator, base_channels=4),
)
train_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=default_collate),
    dataset=dict(type=SinGANDataset, data_root='skimage://rocket', min_size=20, max_size=32),
)
train_cfg = dict(type=PyramidTrainLoop)
"""
STYLEGAN2 = """
from mmpe.models.stylegan2 import StyleDiscriminator, StyleGAN2Model, StyleGenerator
from mmpe.models.stylegan2.upsampling import ConvThenBilinear

model = dict(
    type=StyleGAN2Model,
    generator=dict(
        type=StyleGenerator, out_size=16, max_channels=8, style_channels=8, num_mapping_layers=2,
        encoding=dict(type=SinusoidalEncoding, embedding_dim=4), upsampling=dict(type=ConvThenBilinear),
    ),
    discriminator=dict(type=StyleDiscriminator, in_size=16, max_channels=8),
)
"""
DCGAN = """
from mmpe.models.dcgan import ConvDiscriminator, ConvGenerator, DCGANModel
from mmpe.models.heads import PointwiseHead

model = dict(
    type=DCGANModel,
    generator=dict(
        type=ConvGenerator, out_size=16, latent_channels=4, channels=8,
        head=dict(type=PointwiseHead, encoding=dict(type=CartesianGrid)),
    ),
    discriminator=dict(type=ConvDiscriminator, in_size=16, channels=4),
)
"""
PGGAN = """
from mmpe.models.pggan import GrowingDiscriminator, GrowingGenerator, PGGANModel

model = dict(
    type=PGGANModel, kimgs_per_scale={'8': 1, '16': 1},
    generator=dict(type=GrowingGenerator, out_size=16, latent_channels=4, base_channels=32, max_channels=8),
    discriminator=dict(type=GrowingDiscriminator, in_size=16, base_channels=32, max_channels=8, group_size=2),
)
"""
CONFIGS = dict(singan=SINGAN, stylegan2=STYLEGAN2 + FACES, dcgan=DCGAN + FACES, pggan=PGGAN + FACES)
TYPES = dict(singan='SinGANModel', stylegan2='StyleGAN2Model', dcgan='DCGANModel', pggan='PGGANModel')


@pytest.fixture
def write(tmp_path):
    """A function that writes a family's config, and its base, to a folder of their own."""

    def write_config(text):
        (tmp_path / 'base.py').write_text(BASE)
        (tmp_path / 'config.py').write_text(HEAD + text)
        return tmp_path / 'config.py'

    return write_config


@pytest.mark.parametrize('family', CONFIGS)
def test_classes_as_types_train_resume_and_load(write, tmp_path, family):
    path = write(CONFIGS[family])
    trained = train(load_config(path, dict(work_dir=str(tmp_path / 'run'), experiment_name=f'{family}_classes')))
    last = tmp_path / f'run/iter_{trained.iter}.pth'
    saved = torch.load(last, weights_only=True)
    assert saved['meta']['model']['type'] == TYPES[family]
    assert all(isinstance(part, (str, int, float, tuple, dict)) for part in saved['meta']['model'].values())
    assert load(last).sample(2).isfinite().all()
    # MMEngine's runner on its own, which goes on with a checkpoint of the same classes
    again = Config.fromfile(path)
    again.merge_from_dict(
        dict(work_dir=str(tmp_path / 'again'), resume=True, load_from=str(tmp_path / 'run/iter_1.pth'))
    )
    again.experiment_name = f'{family}_again'
    Runner.from_cfg(again).train()
    for key in ('state_dict', 'optimizer'):
        assert_same(torch.load(tmp_path / f'again/{last.name}', weights_only=True)[key], saved[key])


def test_a_folder_of_pictures_by_classes(write, tmp_path):
    """What a process of its own reads is a text, and its checkpoint is known again."""
    config = picture_config(load_config(write(SINGAN)), 'skimage://rocket', tmp_path / 'a')
    config.dump(tmp_path / 'child.py')
    child = load_config(tmp_path / 'child.py')
    child.experiment_name = 'of_a_folder'
    train(child)
    assert finished_model(child) is not None


def test_mixed_precision_with_a_class(write, tmp_path, monkeypatch):
    argv = ['train.py', str(write(SINGAN)), '--work-dir', str(tmp_path / 'run'), '--amp', '--amp-dtype', 'bfloat16']
    monkeypatch.setattr(sys, 'argv', argv)
    runpy.run_path(str(REPOSITORY / 'tools/train.py'), run_name='__main__')
    assert list((tmp_path / 'run').glob('iter_*.pth'))


OWN = """
from own_parts import Doubled

model['generator']['encoding'] = dict(type=Doubled)
"""


def test_a_class_that_is_not_registered_trains_and_is_said_to_be_in_the_way(write, tmp_path, monkeypatch, capfd):
    (tmp_path / 'path').mkdir()
    (tmp_path / 'path/own_parts.py').write_text(
        'from mmpe.models.encodings import CartesianGrid\nclass Doubled(CartesianGrid):\n    "Of a user."\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path / 'path'))
    path = write(SINGAN + OWN)
    settings = dict(work_dir=str(tmp_path / 'run'), experiment_name='own_class')
    last = train(load_config(path, settings)).iter
    assert "'own_parts.Doubled', which is not registered" in ''.join(capfd.readouterr())
    with pytest.raises(InputError, match='own_parts.Doubled'):
        load(tmp_path / f'run/iter_{last}.pth')
    go_on = dict(resume=True, load_from=str(tmp_path / 'run/iter_1.pth'), experiment_name='own_class_again')
    assert train(load_config(path, settings | go_on)).iter == last


# -------------------------------------------------------------------- YAML

HOSTILE = [
    '!!python/object/apply:os.system ["touch {marker}"]',
    '!!python/object/new:os.system ["touch {marker}"]',
    '!!python/object/apply:builtins.exec ["open({marker!r}, \'w\')"]',
    '!!python/name:os.system',
    '!!python/module:planted',
]


@pytest.mark.parametrize('chain', ['itself', 'yaml', 'python'])
@pytest.mark.parametrize('hostile', HOSTILE)
def test_yaml_builds_nothing(tmp_path, monkeypatch, hostile, chain):
    marker = tmp_path / 'MARKER'
    (tmp_path / 'planted.py').write_text(f'open({str(marker)!r}, "w")')
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / 'hostile.yaml').write_text('a: ' + hostile.format(marker=str(marker)))
    (tmp_path / 'yaml.yml').write_text('_base_: ./hostile.yaml\nb: 1')
    (tmp_path / 'python.py').write_text('_base_ = "./hostile.yaml"')
    name = dict(itself='hostile.yaml', yaml='yaml.yml', python='python.py')[chain]
    with pytest.raises(InputError, match='cannot be read as a config') as error:
        load_config(tmp_path / name)
    assert '\n' not in str(error.value) and not marker.exists()


@pytest.mark.parametrize('tool', ['train.py', 'test.py', 'train_folder.py', 'benchmark.py'])
def test_every_tool_with_a_config_refuses_it(tmp_path, monkeypatch, capsys, tool):
    (tmp_path / 'x.yaml').write_text(f'a: !!python/object/apply:os.system ["touch {tmp_path / "MARKER"}"]')
    config = [] if tool in ('train_folder.py', 'benchmark.py') else [str(tmp_path / 'x.yaml')]
    more = {
        'test.py': ['x.pth'],
        'train_folder.py': ['skimage://rocket', '--config', str(tmp_path / 'x.yaml'), '--out', str(tmp_path / 'o')],
        'benchmark.py': ['singan', '--config', str(tmp_path / 'x.yaml')],
    }
    monkeypatch.setattr(sys, 'argv', [tool, *config, *more.get(tool, [])])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(REPOSITORY / 'tools' / tool), run_name='__main__')
    assert ended.value.code == 2 and 'Traceback' not in capsys.readouterr().err
    assert not (tmp_path / 'MARKER').exists()


def test_what_mmengine_dumps_is_read(tmp_path):
    """Tuples too, which it writes with a tag of Python's."""
    config = load_config(REPOSITORY / 'configs/singan/singan_quickstart.py')
    config.dump(tmp_path / 'dumped.yaml')
    assert '!!python/tuple' in (tmp_path / 'dumped.yaml').read_text()
    read = load_config(tmp_path / 'dumped.yaml')
    assert read.model == config.model and read.optim_wrapper == config.optim_wrapper
