"""Tiny SinGAN runs for the tests: seconds, not minutes."""

import os
import runpy
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmpe.apis import load_config, train

REPOSITORY = Path(__file__).resolve().parents[1]
CSG = REPOSITORY / 'configs/positional_encoding_in_gans/singan_csg_quickstart.py'


def tiny_config(work_dir, config=CSG, iters_per_scale=3, **options) -> Config:
    """A released or quickstart config at two to four tiny scales; ``options`` are dotted keys with ``__`` for dots."""
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(
        {
            'work_dir': str(work_dir),
            'model.iters_per_scale': iters_per_scale,
            'model.lr_milestones': (2,),
            'model.generator.base_channels': 4,
            'model.discriminator.base_channels': 4,
            'train_dataloader.dataset.data_root': 'skimage://rocket',
            'train_dataloader.dataset.min_size': 18,
            'train_dataloader.dataset.max_size': 32,
            'default_hooks.logger.interval': 1,
            'default_hooks.checkpoint.interval': 1,
            'default_hooks.checkpoint.max_keep_ckpts': -1,
            'log_level': 'WARNING',
        }
        | {key.replace('__', '.'): value for key, value in options.items()}
    )
    return cfg


def run(cfg: Config) -> Runner:
    """Train what it says, under a name that no other run of the process has."""
    cfg.experiment_name = f'{Path(cfg.work_dir).name}_{id(cfg)}'
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def train_in_two_processes(config: Path, take: Callable = lambda model: None) -> list:
    """Train a config file as torchrun would, and give what ``take`` gives of each process's model.

    The processes are forked: started otherwise, torchrun and each of them would import PyTorch again.
    """
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    torch.multiprocessing.start_processes(_train_one_of_two, (config, port, take), 2, start_method='fork')
    return [torch.load(config.with_name(f'taken_{rank}.pth'), weights_only=True) for rank in range(2)]


def _train_one_of_two(rank: int, config: Path, port: int, take: Callable) -> None:
    torch.set_num_threads(1)
    os.environ |= dict(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2', LOCAL_WORLD_SIZE='2')
    os.environ |= dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    cfg = load_config(config)
    cfg.launcher = 'pytorch'
    model = train(cfg).model.module
    torch.save(take(model), config.with_name(f'taken_{rank}.pth'))
    torch.distributed.destroy_process_group()


def checkpoint(work_dir, iteration: int) -> dict:
    """What the run saved after so many iterations."""
    return torch.load(Path(work_dir) / f'iter_{iteration}.pth', weights_only=True)


def assert_same(a, b, where='checkpoint'):
    """Equal to the bit, through any nesting."""
    assert type(a) is type(b), where
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_same(a[key], b[key], f'{where}.{key}')
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b)):
            assert_same(x, y, f'{where}[{i}]')
    else:
        assert a == b, where


def edit_tool(monkeypatch, folder: Path, task: str, model, generator: dict):
    """A function that runs a task of tools/edit.py in this process, on a model; it returns where results are."""
    config = dict(type='SinGANModel', generator=generator)
    torch.save(dict(meta=dict(model=config), state_dict=model.state_dict()), folder / 'x.pth')

    def run_task(*args) -> Path:
        command = ['edit.py', task, folder / 'x.pth', '--out', folder / 'out', *args]
        monkeypatch.setattr(sys, 'argv', [str(arg) for arg in command])
        runpy.run_path(str(REPOSITORY / 'tools/edit.py'), run_name='__main__')
        return folder / 'out'

    return run_task
