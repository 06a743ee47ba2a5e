"""A project of its own, beside an installed wheel: its configs build on mmpe's, and MMEngine's runner does the rest."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from singan_runs import assert_same

TINY = dict(
    singan="""
_base_ = 'mmpe::singan/singan_quickstart.py'
model = dict(iters_per_scale=2, lr_milestones=(1,))
train_dataloader = dict(dataset=dict(min_size=20, max_size=36))
""",
    singan_csg_nopad="""
_base_ = 'mmpe::positional_encoding_in_gans/singan_csg_nopad_quickstart.py'
model = dict(iters_per_scale=2, lr_milestones=(1,))
train_dataloader = dict(dataset=dict(min_size=20, max_size=36))
""",
    mspie="""
_base_ = 'mmpe::positional_encoding_in_gans/mspie-stylegan2-config-f_c2_8xb3-1100kiters_ffhq-256-512.py'
model = dict(
    generator=dict(out_size=16, max_channels=8, style_channels=8, num_mapping_layers=2, encoding=dict(embedding_dim=4)),
    discriminator=dict(in_size=16, max_channels=8),
)
train_cfg = dict(max_iters=4)
train_dataloader = dict(num_workers=0, dataset=dict(_delete_=True, type='DrawnFaces', num=8, size=24, flip=True))
val_dataloader = test_dataloader = dict(dataset=dict(num=4, sizes=[16, (16, 24)]))
test_evaluator = [dict(type='SlicedWasserstein', num=4)]
""",
    mspie_quickstart="""
_base_ = 'mmpe::positional_encoding_in_gans/mspie-stylegan2_quickstart.py'
model = dict(generator=dict(max_channels=8, style_channels=8), discriminator=dict(max_channels=8))
train_cfg = dict(max_iters=4)
train_dataloader = dict(dataset=dict(num=8))
val_dataloader = test_dataloader = dict(dataset=dict(num=4, sizes=[32, (32, 64)]))
""",
    dcgan="""
_base_ = 'mmpe::dcgan/dcgan_quickstart.py'
model = dict(generator=dict(channels=8), discriminator=dict(channels=8))
train_cfg = dict(max_iters=4)
train_dataloader = dict(batch_size=4, dataset=dict(num=8))
val_dataloader = test_dataloader = dict(dataset=dict(num=4))
""",
    pggan="""
_base_ = 'mmpe::pggan/pggan_quickstart.py'
model = dict(generator=dict(base_channels=32), discriminator=dict(base_channels=32))
train_cfg = dict(max_iters=4)
train_dataloader = dict(dataset=dict(num=8))
val_dataloader = test_dataloader = dict(dataset=dict(num=4))
""",
)
COMMON = """
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=-1))
log_level = 'WARNING'
"""
# What users write themselves: MMEngine's runner on a config file, and the tools of the wheel.
PROGRAM = """
import json, runpy, sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner

import mmpe

torch.set_num_threads(1)
tools = Path(mmpe.__file__).parent / '.mim/tools'


def tool(name, *arguments):
    sys.argv = [name, *map(str, arguments)]
    runpy.run_path(str(tools / name), run_name='__main__')


def runner(name, work_dir, step, **changes):
    config = Config.fromfile(f'{name}.py')
    config.merge_from_dict(dict(changes, work_dir=work_dir, experiment_name=f'{name} {step}'))
    return Runner.from_cfg(config)


def last(work_dir):
    return max(Path(work_dir).glob('iter_*.pth'), key=lambda path: int(path.stem[5:]))


scores = {}
for name in sys.argv[1:]:
    tool('train.py', f'{name}.py', '--work-dir', f'{name}/by_tool')
    runner(name, f'{name}/by_runner', 'train').train()
    half = int(last(f'{name}/by_runner').stem[5:]) // 2
    runner(name, f'{name}/resumed', 'resume', resume=True, load_from=f'{name}/by_runner/iter_{half}.pth').train()
    trained = str(last(f'{name}/by_runner'))
    scores[name] = dict(
        val=runner(name, f'{name}/val', 'val', load_from=trained).val(),
        test=runner(name, f'{name}/test', 'test', load_from=trained).test(),
    )
    tool('sample.py', trained, '--num', 2, '--out', f'{name}/samples')
    tool('test.py', f'{name}.py', trained, '--work-dir', f'{name}/by_tool', '--out', f'{name}/scores.json')
    scores[name]['tool'] = json.loads(Path(f'{name}/scores.json').read_text())
options = ['train_dataloader.dataset.min_size=20', 'train_dataloader.dataset.max_size=32', 'model.iters_per_scale=1']
tool('train.py', 'mmpe::singan/singan_quickstart.py', '--work-dir', 'named', '--cfg-options', *options)
Path('scores.json').write_text(json.dumps(dict(mmpe=mmpe.__file__, scores=scores)))
"""


@pytest.fixture(scope='module')
def project(wheel_site, tmp_path_factory):
    """The project's folder, in which each family has been trained, resumed, sampled and scored."""
    folder = tmp_path_factory.mktemp('project')
    for name, text in TINY.items():
        (folder / f'{name}.py').write_text(text + COMMON)
    (folder / 'program.py').write_text(PROGRAM)
    environment = dict(PYTHONPATH=str(wheel_site), HOME=str(folder), OMP_NUM_THREADS='1')
    command = [sys.executable, 'program.py', *TINY]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((folder / 'scores.json').read_text())['mmpe'].startswith(str(wheel_site))
    return folder


def trained(folder: Path) -> dict:
    path = max(folder.glob('iter_*.pth'), key=lambda path: int(path.stem[5:]))
    return torch.load(path, weights_only=True)


@pytest.mark.parametrize('name', TINY)
def test_runner_and_tool_train_alike_and_resume_to_the_bit(project, name):
    by_tool, by_runner, resumed = (trained(project / name / how) for how in ('by_tool', 'by_runner', 'resumed'))
    for key in ('state_dict', 'optimizer'):
        assert_same(by_runner[key], by_tool[key])
        assert_same(resumed[key], by_runner[key])
    assert '_scope_' not in json.dumps(by_runner['meta']['model'])


@pytest.mark.parametrize('name', TINY)
def test_runner_validates_and_tests(project, name):
    scores = json.loads((project / 'scores.json').read_text())['scores'][name]
    assert scores['test'] == scores['tool']
    for found in (scores['val'], scores['test']):
        assert found and all(isinstance(score, float) and score == score for score in found.values())


@pytest.mark.parametrize('name', TINY)
def test_what_was_trained_is_sampled(project, name):
    assert len(list((project / name / 'samples').glob('sample_*.png'))) == 2


def test_a_config_of_the_package_is_trained_by_its_name(project):
    assert list((project / 'named').glob('iter_*.pth'))
