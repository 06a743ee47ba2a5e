"""Tiny SinGAN runs for the tests: seconds, not minutes."""

import runpy
import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner

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
