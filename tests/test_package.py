"""The package as installed: what importing it costs, what its wheel carries, and MMEngine at work beside it."""

import configparser
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Optional

import mmengine.utils
import numpy as np
import pytest
import torch
from mmengine import registry as root
from mmengine.config import Config
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.runner import Runner

import mmpe
from mmpe import registry

REPOSITORY = Path(__file__).resolve().parents[1]


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, '-c', code], check=True, capture_output=True, text=True).stdout


def test_import_is_light():
    before, after = run_python(
        'import sys, torch, mmengine.registry; print(*sys.modules); import mmpe.registry; print(*sys.modules)'
    ).splitlines()
    added = set(after.split()) - set(before.split())
    assert {name for name in added if name.startswith('mmpe')} == {
        'mmpe',
        'mmpe.version',
        'mmpe._mmengine',
        'mmpe.names',
        'mmpe.registry',
    }
    assert not added & {'cv2', 'mmcv', 'skimage', 'scipy', 'matplotlib', 'PIL', 'mmengine.runner', 'mmengine.model'}


@pytest.mark.parametrize('name', [name for name in vars(registry) if name.isupper()])
def test_registry_is_a_child_of_mmengines_root(name):
    child = getattr(registry, name)
    assert child.scope == 'mmpe'
    assert child.parent is getattr(root, name)


def test_supported_versions_are_those_of_setup_cfg():
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / 'setup.cfg')
    stated = setup['options']['install_requires'].split()
    assert {names[-1] + supported for supported, *names in mmpe._REQUIRED} <= set(stated)


@pytest.mark.parametrize('version', ['2.0.0', '2.2.0', '2.2.0+cu118'])
def test_an_unsupported_mmcv_is_named(monkeypatch, version):
    monkeypatch.setattr(mmpe.metadata, 'version', {'mmengine': '0.10.7', 'mmcv': version}.get)
    with pytest.raises(ImportError, match=rf'needs mmcv>=2.0.1,<2.2, but {version.replace("+", ".")} is installed'):
        mmpe._check_requirements()


def test_packages_are_found_by_distribution_and_by_module_name(tmp_path, monkeypatch):
    (tmp_path / 'its_module').mkdir()
    (tmp_path / 'its_module' / '__init__.py').touch()
    (tmp_path / 'its_distribution').mkdir()  # such as the folder of a clone
    (tmp_path / 'its_distribution-1.0.dist-info').mkdir()
    (tmp_path / 'its_distribution-1.0.dist-info' / 'top_level.txt').write_text('its_module\n')
    monkeypatch.syspath_prepend(tmp_path)
    for name in ('its_module', 'its_distribution'):
        assert mmengine.utils.is_installed(name)
        assert mmengine.utils.get_installed_path(name) == str(tmp_path / 'its_module')


def test_a_missing_package_is_named():
    assert not mmengine.utils.is_installed('no_such_package')
    with pytest.raises(ModuleNotFoundError, match='no_such_package'):
        mmengine.utils.get_installed_path('no_such_package')


def config_on_mmpe(folder: Path) -> tuple[Path, set]:
    """Write a config that builds on one of mmpe's; returns its path and the keys that it shall have."""
    configs = REPOSITORY / 'configs'
    base = min(configs.glob('[!_]*/*.py'))
    path = folder / 'mine.py'
    path.write_text(f'_base_ = {"mmpe::" + base.relative_to(configs).as_posix()!r}\nmine = 1\n')
    return path, {'mine', *Config.fromfile(base)}


def test_a_config_builds_on_one_of_mmpe(tmp_path):
    path, keys = config_on_mmpe(tmp_path)
    assert set(Config.fromfile(path)) == keys


def test_wheel_carries_the_package_its_configs_and_tools(wheel_site):
    names = {path.relative_to(wheel_site).as_posix() for path in wheel_site.rglob('*') if path.is_file()}
    assert {name.partition('/')[0] for name in names} == {'mmpe', f'mmpe-{mmpe.__version__}.dist-info'}
    assert 'mmpe/models/__init__.py' in names
    for folder in ('configs', 'tools'):
        files = [path for path in (REPOSITORY / folder).rglob('*.*') if path.parent.name != '__pycache__']
        assert {f'mmpe/.mim/{path.relative_to(REPOSITORY).as_posix()}' for path in files} <= names


def test_a_config_builds_on_one_of_an_installed_wheel(wheel_site, tmp_path, monkeypatch):
    path, keys = config_on_mmpe(tmp_path)
    monkeypatch.setenv('PYTHONPATH', str(wheel_site))
    monkeypatch.chdir(tmp_path)
    origin, *found = run_python(
        f'import mmpe; from mmengine.config import Config; print(mmpe.__file__, *Config.fromfile({str(path)!r}))'
    ).split()
    assert origin == str(wheel_site / 'mmpe' / '__init__.py')
    assert set(found) == keys


class Regression(BaseModel):
    """One weight, drawn to the data."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, data, mode):
        loss = (torch.stack(data) - self.weight).square().mean()
        return {'loss': loss}


def train(work_dir: Path, resume_from: Optional[Path] = None) -> Runner:
    runner = Runner(
        model=Regression(),
        work_dir=str(work_dir),
        experiment_name=work_dir.name,
        train_dataloader=dict(
            dataset=[dict(data=torch.tensor([float(i)])) for i in range(4)],
            sampler=dict(type='InfiniteSampler'),
            batch_size=2,
        ),
        train_cfg=dict(by_epoch=False, max_iters=4),
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.1)),
        param_scheduler=dict(type='MultiStepLR', by_epoch=False, milestones=[3]),
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2)),
        custom_hooks=[dict(type='EMAHook')],
        randomness=dict(seed=0),
        load_from=resume_from and str(resume_from),
        resume=resume_from is not None,
        log_level='ERROR',
    )
    runner.train()
    return runner


def test_mmengine_resumes_its_own_checkpoint(tmp_path):
    whole = train(tmp_path / 'whole')
    resumed = train(tmp_path / 'resumed', resume_from=tmp_path / 'whole' / 'iter_2.pth')
    assert torch.equal(resumed.model.weight, whole.model.weight)
    losses, _ = resumed.message_hub.get_scalar('train/loss').data
    assert len(losses) == 4


# Since 2.6 PyTorch loads weights only by default; its list of safe types is older, but not as old as mmpe's oldest.
safe_loading = pytest.mark.skipif(
    not hasattr(torch.serialization, 'add_safe_globals'), reason='this PyTorch cannot be told what is safe to load'
)


class Call:
    """Pickles as a call of ``function``."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def reload(value, path: Path):
    torch.save(value, path)
    return torch.load(path, weights_only=True)


@safe_loading
@pytest.mark.parametrize('value', [np.float32(0.5), np.float64(0.5), np.int64(2), np.bool_(True), np.arange(3)])
def test_numpy_values_load_safely(tmp_path, value):
    loaded = reload(value, tmp_path / 'value.pth')
    assert type(loaded) is type(value)
    assert np.array_equal(loaded, value)


@safe_loading
@pytest.mark.parametrize('core', ['core', '_core'])
def test_values_of_either_numpy_load_safely(tmp_path, monkeypatch, core):
    module = ModuleType(f'numpy.{core}.multiarray')

    def scalar(*args):
        """Stands for the function that the other NumPy has at this place."""

    scalar.__module__, scalar.__qualname__ = module.__name__, 'scalar'
    module.scalar = scalar
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert reload(Call(scalar, np.dtype('int64'), b'\x02' + bytes(7)), tmp_path / 'value.pth') == 2


@safe_loading
@pytest.mark.parametrize('owner, name', [(HistoryBuffer, '__init__'), (np.ndarray, 'tofile'), (torch.Tensor, 'min')])
def test_no_other_attribute_comes_out_of_a_checkpoint(tmp_path, owner, name):
    with pytest.raises(pickle.UnpicklingError):
        reload(Call(getattr, owner, name), tmp_path / 'hostile.pth')
