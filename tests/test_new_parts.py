"""A new part of each kind is one new file: added to a copy of mmpe, it is found by its name, and works."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from singan_runs import REPOSITORY

PARTS = {
    'models/encodings/log_polar.py': """
import torch
from mmpe.models.encodings import CartesianGrid
from mmpe.registry import MODELS

@MODELS.register_module()
class LogPolarGrid(CartesianGrid):
    def code(self, coordinates):
        x, y = coordinates.unbind(-1)
        return torch.stack((torch.hypot(x, y).clamp_min(0.01).log(), torch.atan2(y, x)))
""",
    'models/padding/odd.py': """
import torch.nn.functional as F
from mmpe.models.padding import Pad
from mmpe.registry import MODELS

@MODELS.register_module('mirror-odd')
class OddPad(Pad):
    mode = 'mirror-odd'

    def extend(self, x):
        return 2 * F.pad(x, self.padding, mode='replicate') - F.pad(x, self.padding, mode='reflect')
""",
    'models/losses/hinge.py': """
import torch
from mmpe.models.losses.separate import SeparateLoss
from mmpe.registry import MODELS

@MODELS.register_module()
class HingeLoss(SeparateLoss):
    def of_scores(self, scores, real):
        return torch.relu(1 - scores if real else 1 + scores).mean()
""",
    'evaluation/saturation.py': """
from mmpe.evaluation.sized_metrics import SizedMetric
from mmpe.registry import METRICS

@METRICS.register_module()
class MeanSaturation(SizedMetric):
    def describe(self, pictures, numbers):
        most, least = pictures.float().amax(1), pictures.float().amin(1)
        return ((most - least) / most.clamp_min(1)).mean((1, 2))

    def score(self, size, fakes):
        return dict(saturation=fakes.mean().item())
""",
    'models/grey/__init__.py': """
import torch
from torch import nn
from mmpe.models.sampled import SampledModel
from mmpe.registry import MODELS

@MODELS.register_module()
class GreyModel(SampledModel):
    def __init__(self):
        super().__init__()
        self.level = nn.Parameter(torch.tensor(0.25))

    def sample(self, num=1, *, seed=0, first=0):
        numbers = torch.arange(first, first + num).view(-1, 1, 1, 1)
        return (self.level * numbers).expand(-1, 3, 4, 6)
""",
    'editing/edits/negative.py': """
from mmpe.editing import Edited
from mmpe.editing.tasks import Draws, task

@task('negative', '--num 1')
def negative(model, *, draws: Draws) -> Edited:
    '''The picture's negative.'''
    return Edited(-model.picture)
""",
    'datasets/nothing.py': """
from mmpe.registry import DATASETS

@DATASETS.register_module()
class Nothing(list):
    pass
""",
    'engine/hooks/silent_hook.py': """
from mmengine.hooks import Hook
from mmpe.registry import HOOKS

@HOOKS.register_module()
class SilentHook(Hook):
    pass
""",
    'cli/base_grid.py': """
from .from_signatures import command

@command('256')
def main(side: int, /) -> None:
    '''Print the side of the base grid of a StyleGAN2.

    Args:
        side: of the images
    '''
    print(side // 64)
""",
}

USES = {
    'encoding': "MODELS.build(dict(type='LogPolarGrid'))((1, 3))[0, 0, 0].exp().tolist()",
    'padding': "pad(torch.tensor([[[1.0, 2.0, 4.0]]]), (0, 1), 'mirror-odd').flatten().tolist()",
    'padding of a model': "mode_of(set_padding(torch.nn.Conv2d(1, 1, 3, padding=1), 'mirror-odd'))",
    'loss': "MODELS.build(dict(type='HingeLoss')).of_scores(torch.tensor([0.0, 3.0]), real=True).item()",
    'metric': "score(METRICS.build(dict(type='MeanSaturation')), MODELS.build(dict(type='GreyModel')))",
    'family': "[image.mean().item() for image in sample(MODELS.build(dict(type='GreyModel')), 2)]",
    'edit': "program(TASKS['negative']).__doc__",
    'data set': "len(DATASETS.build(dict(type='Nothing')))",
    'hook': "type(HOOKS.build(dict(type='SilentHook'))).__name__",
    'command': "printed(['base-grid', '256'])",
    'command in the help': "[line for line in printed(['--help']).splitlines() if 'base-grid' in line][0][22:60]",
}

EXPECTED = {
    'encoding': [2**0.5, 1, 2**0.5],
    'padding': [0, 1, 2, 4, 6],
    'padding of a model': 'mirror-odd',
    'loss': 0.5,
    'metric': {'4x6/saturation': 0},
    'family': [0, 0.25],
    'edit': "The picture's negative.",
    'data set': 0,
    'hook': 'SilentHook',
    'command': '4\n',
    'command in the help': 'Print the side of the base grid of a S',
}

PROGRAM = """
import io, json, sys
from contextlib import redirect_stdout, suppress
import torch
from mmpe import cli
from mmpe.apis import sample
from mmpe.cli.edit import program
from mmpe.editing.tasks import TASKS
from mmpe.models.padding import mode_of, pad, set_padding
from mmpe.registry import DATASETS, HOOKS, METRICS, MODELS

def score(metric, model):
    metric.process(None, model([dict(number=number, sizes=None) for number in (1, 2)], mode='predict'))
    return metric.evaluate(2)

def printed(arguments):
    with redirect_stdout(io.StringIO()) as page, suppress(SystemExit):
        cli.main(arguments)
    return page.getvalue()

def attempt(use):
    try:
        return eval(use)
    except Exception as error:
        return repr(error)

print(json.dumps({kind: attempt(use) for kind, use in json.loads(sys.argv[1]).items()}))
"""


@pytest.fixture(scope='module')
def found(tmp_path_factory):
    """What the new parts do, by their kinds."""
    root = tmp_path_factory.mktemp('copy')
    shutil.copytree(REPOSITORY / 'mmpe', root / 'mmpe', symlinks=True)
    for name, code in PARTS.items():
        path = root / 'mmpe' / name
        path.parent.mkdir(exist_ok=True)
        assert not path.exists()
        path.write_text(code)
    environment = dict(os.environ, PYTHONPATH=str(root))
    command = [sys.executable, '-c', PROGRAM, json.dumps(USES)]
    printed = subprocess.run(command, env=environment, cwd=root, check=True, capture_output=True, text=True).stdout
    return json.loads(printed.splitlines()[-1])


@pytest.mark.parametrize('kind', USES)
def test_a_new_part_is_one_file(found, kind):
    expected = EXPECTED[kind]
    assert found[kind] == (pytest.approx(expected) if isinstance(expected, (list, dict, float)) else expected)
