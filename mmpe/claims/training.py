"""Train the models of the experiments, each in a child process, several at a time, resumable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config

import mmpe
from mmpe.apis.config import load_config
from mmpe.apis.launchers import Rank
from mmpe.apis.subprocesses import OUTPUT, Job, job_main, run_jobs
from mmpe.apis.train import train
from mmpe.apis.workers import find_devices, plan_workers
from mmpe.checkpoints import latest_checkpoint
from mmpe.engine.run_lock import locked
from mmpe.errors import InputError
from mmpe.files import write_atomic

from .runs import Run

_WITH, _DONE = 'trained_with.json', 'trained'
_CONFIGS = Path(mmpe.__file__).parent / '.mim' / 'configs'


def train_all(
    runs: Mapping[str, Run], folder: Path, jobs: int | None = None, device: str = 'cpu', seeds: int = 1
) -> dict[str, list[str]]:
    """Train the models that are not trained yet. Unfinished ones are resumed.

    Args:
        runs: How models are trained, by name.
        folder: The folder of the work dirs.
        jobs: Models at a time. None: one per GPU, or one per CPU core.
        device: ``cpu``, or ``cuda`` for all GPUs.
        seeds: How many times each model is trained, with the seeds 0, 1, ... All models are trained with one seed
            before any is trained with the next.

    Returns:
        The last checkpoints of each model, by name, one per seed.

    Raises:
        InputError: If there is no GPU but one is needed, or a model could not be trained, or its work dir holds a model
            that was trained with another config.
    """
    devices = find_devices() if device == 'cuda' else ['cpu']
    if device not in devices[0]:
        raise InputError('these models are trained on a GPU, and there is none: choose --profile cpu')
    configs = {}
    for seed in range(seeds):
        for name, run in runs.items():
            trained = _trained_name(name, seed)
            configs[trained] = run_config(run, folder / trained.replace(' ', '_'), seed)
    for config in configs.values():
        _check_record(config)
    if configs:
        # one thread, however many models are left, as more threads sum in another order
        workers = plan_workers(len(configs), devices, Rank().cores, jobs, threads=1)
        failures = run_jobs(configs, workers, Job(__name__, is_trained, 'models'))
        for name, why in failures.items():
            raise InputError(f'{name} could not be trained: {why} (see {configs[name].work_dir}/{OUTPUT})')
    return {
        name: [latest_checkpoint(configs[_trained_name(name, seed)].work_dir) for seed in range(seeds)] for name in runs
    }


def _trained_name(name: str, seed: int) -> str:
    return f'{name} seed {seed}' if seed else name


def run_config(run: Run, work_dir: str | Path, seed: int = 0) -> Config:
    """The config of a run, for one process."""
    config = load_config(_CONFIGS / run.config, run.options)
    config.work_dir, config.launcher = str(work_dir), 'none'
    config.randomness = dict(config.get('randomness') or {}, seed=seed)
    return config


def train_to_the_end(config: Config) -> None:
    """Train or resume, and record that training has ended."""
    config.resume = True
    with locked(config.work_dir):
        write_atomic(Path(config.work_dir) / _WITH, _what_counts(config))
        train(config)
        (Path(config.work_dir) / _DONE).touch()


def is_trained(config: Config) -> bool:
    """Whether a model is trained to the end."""
    return (Path(config.work_dir) / _DONE).is_file() and latest_checkpoint(config.work_dir) is not None


def _check_record(config: Config) -> None:
    record = Path(config.work_dir) / _WITH
    begun = record.is_file() and latest_checkpoint(config.work_dir) is not None
    if begun and record.read_text() != _what_counts(config):
        raise InputError(f'{config.work_dir} holds a model trained otherwise: give another --out, or remove it')


def _what_counts(config: Config) -> str:
    names = 'model', 'train_dataloader', 'optim_wrapper', 'train_cfg', 'randomness'
    return json.dumps({name: config.get(name) for name in names}, sort_keys=True, default=str)


main = job_main(train_to_the_end)
