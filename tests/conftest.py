import compileall
import logging
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from mmengine.utils import ManagerMixin

import mmpe
from mmpe.engine.hooks import InterruptHook

# The tests' networks are too small to share: a second thread would mostly wait, the more so beside other processes.
torch.set_num_threads(1)
os.environ.setdefault('OMP_NUM_THREADS', '1')
# Ctrl-C is sent to processes, which ignore it where pytest does: a shell's background jobs do.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config):
    """Compile mmpe once: under PYTHONDONTWRITEBYTECODE, every process of the tests would."""
    if not hasattr(config, 'workerinput'):
        compileall.compile_dir(Path(mmpe.__file__).parent, quiet=2)


def _managed_classes(base: type = ManagerMixin):
    for cls in base.__subclasses__():
        yield cls
        yield from _managed_classes(cls)


def _forget_instances() -> None:
    for cls in _managed_classes():
        for instance in cls._instance_dict.values():
            for handler in instance.handlers if isinstance(instance, logging.Logger) else ():
                handler.close()
        cls._instance_dict.clear()


@pytest.fixture(autouse=True)
def fresh_globals():
    """Each test starts from the same random state and without another's default scope, message hub or logger.

    A runner leaves all of these behind, and the deterministic mode that its config asks for.
    """
    deterministic = torch.are_deterministic_algorithms_enabled()
    handlers = {number: signal.getsignal(number) for number in InterruptHook.signals}
    torch.manual_seed(0)
    yield
    for number, handler in handlers.items():  # a run that fails does not give them back
        signal.signal(number, handler)
    if torch.are_deterministic_algorithms_enabled() != deterministic:  # setting it costs an import of half a second
        torch.use_deterministic_algorithms(deterministic)
    _forget_instances()


@pytest.fixture(scope='session')
def wheel_site(tmp_path_factory) -> Path:
    """A folder to which the wheel is installed, without the clone."""
    folder = tmp_path_factory.mktemp('wheel')
    source = folder / 'source'  # a copy: a build leaves its traces beside setup.cfg
    left_behind = shutil.ignore_patterns('.git', '.venv*', 'work_dirs', 'build', '*.egg-info', '__pycache__')
    shutil.copytree(Path(__file__).resolve().parents[1], source, symlinks=True, ignore=left_behind)
    command = [sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation', '-w', folder, source]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = folder.glob('*.whl')
    with zipfile.ZipFile(path) as wheel:
        wheel.extractall(folder / 'site')
    return folder / 'site'
