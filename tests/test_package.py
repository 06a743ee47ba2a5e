"""The package as installed: what importing it costs, what its wheel carries, and MMEngine at work beside it."""

import configparser
import pickle
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

import mmengine.utils
import numpy as np
import pytest
import torch
from mmengine import registry as root
from mmengine.config import Config
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.registry import Registry
from mmengine.runner import Runner
from new_process import run_python
from packaging.requirements import Requirement

import mmpe
from mmpe import _mmengine, registry
from mmpe.distributions import REQUIRED, _end_in_a_line, check_required

REPOSITORY = Path(__file__).resolve().parents[1]


def test_import_is_light():
    before, after = run_python(
        'import sys, torch, mmengine.registry; print(*sys.modules); import mmpe.registry; print(*sys.modules)'
    ).splitlines()
    added = set(after.split()) - set(before.split())
    assert {name for name in added if name.startswith('mmpe')} == {
        'mmpe',
        'mmpe.version',
        'mmpe.distributions',
        'mmpe._mmengine',
        'mmpe.names',
        'mmpe.registry',
    }
    assert not added & {'cv2', 'mmcv', 'skimage', 'scipy', 'matplotlib', 'PIL', 'mmengine.runner', 'mmengine.model'}


@pytest.mark.parametrize('name', [name for name, kind in vars(registry).items() if isinstance(kind, Registry)])
def test_registry_is_a_child_of_mmengines_root(name):
    child = getattr(registry, name)
    assert child.scope == 'mmpe'
    assert child.parent is getattr(root, name)


def installed(monkeypatch, **versions):
    """Distributions of MMEngine and mmcv, as if these were installed; others are as they are."""
    version = metadata.version

    def stand_in(name):
        if 'mmengine' not in name and 'mmcv' not in name:
            return version(name)
        try:
            return versions[name.replace('-', '_')]
        except KeyError:
            raise metadata.PackageNotFoundError(name) from None

    monkeypatch.setattr(metadata, 'version', stand_in)


def setup_cfg(section: str, option: str) -> list[str]:
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / 'setup.cfg')
    return setup[section][option].split()


def test_no_requirement_replaces_what_people_have():
    """A cap on torch would replace a newer CUDA build; mmcv-lite and MMEngine share files with their other forms."""
    plain = setup_cfg('options', 'install_requires')
    assert [name for name in plain if name.startswith(('mm', 'onedl'))] == []
    assert [name for name in plain if '<' in name or '==' in name] == []


def test_the_extra_installs_versions_that_work():
    extra = setup_cfg('options.extras_require', 'openmmlab')
    for module in REQUIRED:
        (light,) = [Requirement(name) for name in extra if name.startswith(module.name)]
        lowest = next(part for part in module.versions.split(',') if part.startswith('>='))
        assert light.name in module.distributions and lowest in str(light.specifier)


def test_constraints_allow_what_is_required():
    """Every requirement, of every extra, has a tested version that it allows."""
    lines = (REPOSITORY / 'constraints.txt').read_text().splitlines()
    tested = dict(line.split('==') for line in lines if line and not line.startswith('#'))
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / 'setup.cfg')
    wanted = [setup['options']['install_requires'], *setup['options.extras_require'].values()]
    for line in '\n'.join(wanted).splitlines():
        if line.strip() and not line.strip().startswith('#'):
            needed = Requirement(line.strip())
            assert needed.specifier.contains(tested[needed.name]), needed


@pytest.mark.parametrize(
    'versions',
    [
        dict(mmengine='0.10.7', mmcv='2.1.0'),
        dict(mmengine='0.10.7', mmcv='2.2.0+cu118'),
        dict(mmengine_lite='0.10.6', mmcv_lite='2.0.1'),
        dict(onedl_mmengine='0.10.12', onedl_mmcv='2.3.6'),
        dict(onedl_mmengine='0.10.12', mmcv_lite='2.1.0'),
    ],
)
def test_every_form_of_mmengine_and_mmcv_does(monkeypatch, recwarn, versions):
    installed(monkeypatch, **versions)
    check_required()
    assert not recwarn


@pytest.mark.parametrize(
    ('versions', 'message'),
    [
        (dict(mmengine='0.10.7', mmcv='2.0.0'), r'mmcv>=2\.0\.1.*mmcv 2\.0\.0 is installed: pip install "mmcv>='),
        (dict(mmengine='0.10.7', mmcv_lite='1.7.2'), r'mmcv-lite 1\.7\.2 is installed: pip install "mmcv-lite>='),
        (dict(mmengine='0.9.1', mmcv='2.1.0'), r'mmengine 0\.9\.1 is installed: pip install "mmengine>='),
        (dict(onedl_mmengine='0.11.0', mmcv='2.1.0'), r'onedl-mmengine 0\.11\.0 is installed'),
        (dict(mmengine='0.10.7', onedl_mmcv='2.4.0'), r'onedl-mmcv 2\.4\.0 is installed'),
    ],
)
def test_what_does_not_work_is_named_with_its_distribution(monkeypatch, versions, message):
    monkeypatch.setattr(sys, 'excepthook', sys.excepthook)  # given back afterwards
    installed(monkeypatch, **versions)
    with pytest.raises(ImportError, match=message):
        check_required()


@pytest.mark.parametrize('missing', ['mmengine', 'mmcv'])
def test_what_is_missing_is_one_line(tmp_path, missing):
    code = (
        f'import importlib.util as u; find = u.find_spec\n'
        f'u.find_spec = lambda name, *args: None if name == {missing!r} else find(name, *args)\n'
        f'import mmpe'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()
    assert f'mmpe needs {missing}>=' in said and "pip install 'mmpe[openmmlab]'" in said and f'onedl-{missing}' in said


def test_other_errors_keep_their_traceback():
    usual = []
    _end_in_a_line(lambda *what: usual.append(what), KeyError, KeyError('x'), None)
    assert len(usual) == 1


def test_two_forms_over_each_other_are_named(monkeypatch):
    installed(monkeypatch, mmengine='0.10.7', onedl_mmengine='0.10.12', mmcv='2.1.0')
    with pytest.warns(UserWarning, match='mmengine 0.10.7, onedl-mmengine 0.10.12 are all installed.*install one'):
        check_required()


def test_what_works_in_mmengine_is_left_alone(monkeypatch):
    """Asked for, not assumed: its look-ups are replaced only where they give wrong answers."""
    own = dict(
        is_installed=lambda name: True,
        get_installed_path=lambda name: str(Path(mmpe.__file__).parent),
        package2module=lambda name: 'mmengine',
    )
    for name, function in own.items():
        monkeypatch.setattr(mmengine.utils.package_utils, name, function)
        if hasattr(mmengine.utils, name):
            monkeypatch.setattr(mmengine.utils, name, function)
    _mmengine._replace_package_utils()
    assert all(getattr(mmengine.utils.package_utils, name) is function for name, function in own.items())
    monkeypatch.setattr(mmengine.utils.package_utils, 'get_installed_path', lambda name: '/elsewhere')
    _mmengine._replace_package_utils()
    assert mmengine.utils.is_installed is own['is_installed']
    assert mmengine.utils.get_installed_path('mmpe') == str(Path(mmpe.__file__).parent)


def test_the_text_of_a_config_follows_its_content():
    """YAPF formats a content once: the texts of two configs in turn, and of one that has been changed, stay apart."""
    one, other = Config(dict(a=1)), Config(dict(a='1'))
    assert [config.pretty_text for config in (one, other, one, one)] == ['a = 1\n', "a = '1'\n", 'a = 1\n', 'a = 1\n']
    one.a = dict(b=2)
    assert Config.fromstring(one.pretty_text, '.py').to_dict() == dict(a=dict(b=2))
    assert Config(dict(a=[1, 2]), format_python_code=False).pretty_text != Config(dict(a=[1, 2])).pretty_text


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
    assert {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / 'mmpe').rglob('*.html')} <= names
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


def train(work_dir: Path, resume_from: Path | None = None) -> Runner:
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


class Call:
    """Pickles as a call of ``function``."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def reload(value, path: Path):
    torch.save(value, path)
    return torch.load(path, weights_only=True)


@pytest.mark.parametrize('value', [np.float32(0.5), np.float64(0.5), np.int64(2), np.bool_(True), np.arange(3)])
def test_numpy_values_load_safely(tmp_path, value):
    loaded = reload(value, tmp_path / 'value.pth')
    assert type(loaded) is type(value)
    assert np.array_equal(loaded, value)


@pytest.mark.parametrize('core', ['core', '_core'])
def test_values_of_either_numpy_load_safely(tmp_path, monkeypatch, core):
    module = ModuleType(f'numpy.{core}.multiarray')

    def scalar(*args):
        """Stands for the function that the other NumPy has at this place."""

    scalar.__module__, scalar.__qualname__ = module.__name__, 'scalar'
    module.scalar = scalar
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert reload(Call(scalar, np.dtype('int64'), b'\x02' + bytes(7)), tmp_path / 'value.pth') == 2


@pytest.mark.parametrize('owner, name', [(HistoryBuffer, '__init__'), (np.ndarray, 'tofile'), (torch.Tensor, 'min')])
def test_no_other_attribute_comes_out_of_a_checkpoint(tmp_path, owner, name):
    with pytest.raises(pickle.UnpicklingError):
        reload(Call(getattr, owner, name), tmp_path / 'hostile.pth')
