"""tools/test.py: MMEngine's test loop from a config and a checkpoint to a table and a file, in one process or two."""

import json
import os
import subprocess
import sys
import warnings
from unittest.mock import patch

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image
from singan_runs import REPOSITORY, run, tiny_config
from tool_runs import run_tool
from torch import nn

from mmpe import apis
from mmpe.errors import InputError

TOOL = REPOSITORY / 'tools/test.py'

PAINTER = '''
import torch
from mmengine.model import BaseModel

from mmpe.random_numbers import random_generator
from mmpe.registry import MODELS


@MODELS.register_module(force=True)
class Painter(BaseModel):
    """Draws an image by its number alone: blurred noise of a brightness."""

    def __init__(self):
        super().__init__()
        self.brightness = torch.nn.Parameter(torch.zeros(3, 1, 1))

    def forward(self, inputs, data_samples=None, mode='predict'):
        return [self.paint(**request) for request in inputs]

    def paint(self, number, sizes):
        noise = torch.randn(1, 3, 8, 8, generator=random_generator('test painter', number))
        images = {size: torch.nn.functional.interpolate(noise, size, mode='bilinear')[0] / 2 for size in sizes}
        return dict(number=number, images={size: image + self.brightness for size, image in images.items()})
'''

CONFIG = """
custom_imports = dict(imports=['painter'])
default_scope = 'mmpe'
model = dict(type='Painter')
train_dataloader = dict(dataset=dict(type='PictureFolder', data_root='pictures', size=32, flip=True))
test_dataloader = dict(
    batch_size=3,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SampleNumbers', num=7, sizes=[16, (16, 24)]),
    collate_fn=dict(type='pseudo_collate'),
)
options = dict(num_workers=0, cache_dir='cache')
test_evaluator = [
    dict(type='FeatureMetrics', network='network.pt', **options),
    dict(type='SlicedWasserstein', neighbourhoods=8, **options),
    dict(type='MultiScaleSimilarity'),
]
test_cfg = dict()
env_cfg = dict(dist_cfg=dict(backend='gloo'))
model_wrapper_cfg = dict(type='mmpe.SynchronisedModel')
"""

SCORES = ['fid', 'kid', 'precision', 'recall', 'swd', 'ms_ssim']


class Quarters(nn.Module):
    def forward(self, pictures, return_features: bool = False):
        return nn.functional.adaptive_avg_pool2d(pictures.float() / 100, 2).flatten(1)


@pytest.fixture
def folder(tmp_path):
    """Holds a config, what it names, and a checkpoint."""
    (tmp_path / 'painter.py').write_text(PAINTER)
    (tmp_path / 'config.py').write_text(CONFIG)
    (tmp_path / 'pictures').mkdir()
    for i in range(6):
        pixels = np.random.RandomState(i).uniform(0, 256, (32, 32, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f'pictures/{i}.png')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.jit.script(Quarters()).save(str(tmp_path / 'network.pt'))
    save_checkpoint(tmp_path / 'painter.pth', 0.1)
    return tmp_path


def save_checkpoint(path, brightness):
    torch.save(dict(state_dict=dict(brightness=torch.full((3, 1, 1), brightness))), path)


def score(folder, *arguments):
    with patch.object(sys, 'path', [str(folder), *sys.path]):
        done = run_tool(TOOL, 'config.py', 'painter.pth', '--work-dir', 'work', *arguments, cwd=folder)
    sys.modules.pop('painter', None)
    return done


def score_in_two_processes(folder, *arguments):
    command = [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node=2', '--master-port=0']
    command += ['--rdzv-backend=c10d', '--rdzv-endpoint=localhost:0']
    command += [TOOL, 'config.py', 'painter.pth', '--work-dir', 'work', '--launcher', 'pytorch', *arguments]
    path = os.pathsep.join([str(folder), os.environ.get('PYTHONPATH', '')])
    environment = dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=path)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def check_error(result, *messages):
    line = result.stderr.strip().splitlines()[-1]
    assert result.returncode == 2, result.stderr
    assert line.startswith('error: ') and all(message in line for message in messages), result.stderr
    assert 'Traceback' not in result.stderr


def test_table_and_file(folder):
    result = score(folder, '--out', 'results/scores.json')
    assert result.returncode == 0, result.stderr
    scores = json.loads((folder / 'results/scores.json').read_text())
    assert set(scores) == {f'{size}/{name}' for size in ('16x16', '16x24') for name in SCORES}
    table = [line for line in result.stdout.splitlines() if line.startswith('|')]
    assert [cell.strip() for cell in table[0].split('|')[2:-1]] == SCORES
    for line, size in zip(table[2:], ('16x16', '16x24')):
        assert line.split('|')[1].strip() == size
        numbers = [float(cell) for cell in line.split('|')[2:-1]]
        assert numbers == pytest.approx([scores[f'{size}/{name}'] for name in SCORES], abs=5e-5)


def test_two_processes_score_as_one(folder):
    alone = score(folder)
    assert alone.returncode == 0, alone.stderr
    for file in (folder / 'cache').iterdir():
        file.unlink()
    both = score_in_two_processes(folder, '--out', 'both.json')
    assert both.returncode == 0, both.stderr
    assert both.stdout.count('| 16x24') == 1
    expected = json.loads((folder / 'work/painter.json').read_text())
    assert json.loads((folder / 'both.json').read_text()) == pytest.approx(expected, rel=1e-6)


@pytest.fixture
def config(folder, monkeypatch):
    """The config, with all it names found from here."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    yield apis.load_config('config.py', dict(work_dir='work', log_level='WARNING'))
    sys.modules.pop('painter', None)


def test_the_checkpoints_weights_are_scored(config):
    """As MMEngine's own loop does it, put together by hand; images brighter than the real pictures score worse."""
    found = {}
    for brightness in (0.0, 0.9):
        save_checkpoint('painter.pth', brightness)
        config.experiment_name = f'scored_{brightness}'
        found[brightness] = apis.test(config, 'painter.pth')
    assert found[0.9]['16x16/fid'] > found[0.0]['16x16/fid'] + 1
    config.update(experiment_name='by_hand', train_dataloader=None)
    runner = Runner.from_cfg(config)
    with torch.no_grad():
        runner.model.brightness.fill_(0.9)
    assert runner.test() == found[0.9]


class TestRealPicturesAreNamedOnce:
    def test_those_of_training_unless_said_otherwise(self, config):
        real = [metric.get('real') for metric in config.test_evaluator]
        expected = dict(type='PictureFolder', data_root='pictures', size=32, flip=False)
        assert real == [expected, expected, None]
        assert config.train_dataloader.dataset.flip

    @pytest.mark.parametrize('form', ['one', 'list', 'evaluator'])
    def test_in_every_form_of_an_evaluator(self, config, tmp_path, form):
        metric = dict(type='mmpe.SlicedWasserstein')
        evaluator = dict(one=metric, list=[metric], evaluator=dict(type='Evaluator', metrics=[metric]))[form]
        config.val_evaluator = evaluator
        config.dump(tmp_path / 'other.py')
        found = apis.load_config(
            tmp_path / 'other.py', {'train_dataloader.dataset.data_root': 'elsewhere'}
        ).val_evaluator
        found = found if form == 'one' else found[0] if form == 'list' else found.metrics[0]
        assert found.real.data_root == 'elsewhere' and not found.real.flip

    def test_what_a_metric_names_stays(self, config, tmp_path):
        config.test_evaluator[0].real = dict(type='DrawnFaces', num=8, size=16)
        config.dump(tmp_path / 'other.py')
        found = apis.load_config(tmp_path / 'other.py')
        assert found.test_evaluator[0].real == dict(type='DrawnFaces', num=8, size=16)

    def test_no_training_set(self, config, tmp_path):
        config.pop('train_dataloader')
        for metric in config.test_evaluator:
            metric.pop('real', None)
        config.dump(tmp_path / 'other.py')
        other = apis.load_config(tmp_path / 'other.py', dict(work_dir='work'))
        with pytest.raises(InputError, match='real=dict'):
            apis.test(other, 'painter.pth')


def test_a_config_without_a_test(folder):
    text = (folder / 'config.py').read_text()
    (folder / 'config.py').write_text(text.partition('test_dataloader')[0])
    check_error(score(folder), 'it has no test_dataloader and no test_evaluator')


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['test_evaluator.0.network=nowhere.pt'], 'there is no feature network at nowhere.pt'),
        (['train_dataloader.dataset.data_root=nowhere'], 'there is no folder of pictures at nowhere'),
        (['test_dataloader.dataset.num=0'], 'num=0 cannot work'),
        (['test_dataloader.dataset.num=1'], 'at least 2'),
        (['test_evaluator.0.scores=[fid,is]'], 'scores are some of'),
        (['test_evaluator.0.type=FeatureMetricks'], 'FeatureMetricks is not in'),
        (['test_evaluator=FeatureMetrics'], r"test_evaluator: 'FeatureMetrics' is not a metric.*dict\(type='Fea"),
        (['test_evaluator.type=FeatureMetrics'], r'test_evaluator is a list of \d.*such as test_evaluator\.0\.type'),
    ],
)
def test_wrong_settings(config, arguments, message):
    """As the tool does it, without the time that a process takes."""
    options = dict(argument.split('=', 1) for argument in arguments)
    options = {key: json.loads(value) if value.isdigit() else value for key, value in options.items()}
    options = {key: value[1:-1].split(',') if str(value).startswith('[') else value for key, value in options.items()}
    with pytest.raises(InputError, match=message):
        apis.test(apis.load_config('config.py', dict(options, work_dir='work')), 'painter.pth')


def test_checkpoints_that_cannot_be_used(config):
    with pytest.raises(InputError, match='there is no checkpoint at nowhere.pth'):
        apis.test(config, 'nowhere.pth')
    for state in (dict(brightness=torch.zeros(4, 1, 1)), dict(darkness=torch.zeros(3, 1, 1))):
        torch.save(dict(state_dict=state), 'other.pth')
        with pytest.raises(InputError, match='other.pth: it does not fit the model of the config'):
            apis.test(config, 'other.pth')


def test_one_clear_line(folder):
    (folder / 'painter.pth').write_bytes((folder / 'painter.pth').read_bytes()[:200])
    check_error(score(folder), 'painter.pth cannot be read as a checkpoint')


def test_a_singan(tmp_path):
    config = tiny_config(tmp_path)
    runner = run(config)
    config.update(
        test_dataloader=config.train_dataloader, test_evaluator=dict(type='SinglePictureScores'), test_cfg=dict()
    )
    config.dump(tmp_path / 'with_test.py')
    other = Config.fromfile(tmp_path / 'with_test.py')
    other.experiment_name = 'singan_scored'
    scores = apis.test(other, tmp_path / f'iter_{runner.iter}.pth')
    assert scores['single_picture/diversity'] > 0
    assert apis.score_table(scores)[2].startswith('| single_picture | ')


def test_table():
    scores = {'64x64/fid': 12.34567, '64x96/fid': 2.0, '64x64/recall': 0.5, 'seconds': 3}
    assert apis.score_table(scores) == [
        '|       |     fid | recall | seconds |',
        '| ----- | ------: | -----: | ------: |',
        '| 64x64 | 12.3457 | 0.5000 |         |',
        '| 64x96 |  2.0000 |        |         |',
        '|       |         |        |       3 |',
    ]
