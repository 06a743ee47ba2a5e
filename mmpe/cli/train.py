"""``mmpe train``."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter
from mmengine.config import ConfigDict
from mmengine.device import get_device
from mmengine.optim import OptimWrapper

from mmpe.apis import train
from mmpe.errors import InputError

from .from_signatures import command
from .options import ConfigFile, Launcher, LocalRank, Overrides, Picture, Pictures
from .run_config import read_run_config


@command('configs/singan/singan_balloons.py --picture my.jpg --cfg-options train_dataloader.dataset.max_size=200')
def main(
    config: ConfigFile,
    /,
    *,
    work_dir: str | None = None,
    resume: Annotated[list[str] | None, Parameter(consume_multiple=(0, 1), metavar='[CKPT]')] = None,
    amp: bool = False,
    amp_dtype: Literal['float16', 'bfloat16'] | None = None,
    compile: bool = False,
    cuda_graphs: bool = False,
    picture: Picture | None = None,
    pictures: Pictures | None = None,
    cfg_options: Overrides | None = None,
    launcher: Launcher = 'none',
    local_rank: LocalRank | None = None,
) -> None:
    """Train a model.

    Args:
        work_dir: where to write; default: work_dirs/CONFIG_NAME
        resume: go on from this checkpoint, or from the last one in the work dir
        amp: mixed precision: float16 on a GPU, bfloat16 elsewhere
        amp_dtype: mixed precision of this type
        compile: torch.compile the networks, by the options under compile in the config, if there are any
        cuda_graphs: replay a SinGAN's training as CUDA graphs
        picture: what to train a SinGAN on: a file or skimage://NAME, exactly as typed
        pictures: what to train another model on: a folder or an LMDB, exactly as typed
        cfg_options: overrides, such as model.iters_per_scale=500
    """
    run = read_run_config(config, cfg_options, launcher, local_rank, picture, pictures)
    run.work_dir = work_dir or run.work_dir
    if amp or amp_dtype:
        mixed_precision(run.optim_wrapper, amp_dtype)
    if compile:
        run.compile = run.get('compile') or True
    if cuda_graphs:
        run.cuda_graphs = True
    if resume is not None:
        run.resume = True
        run.load_from = resume[0] if resume else None
    train(run)


def mixed_precision(optim_wrapper: ConfigDict, dtype: str | None) -> None:
    """Give every optimiser autocast; float16 needs a GPU and gets loss scaling."""
    on_gpu = get_device() == 'cuda'
    dtype = dtype or ('float16' if on_gpu else 'bfloat16')
    if dtype == 'float16' and not on_gpu:
        raise InputError('--amp-dtype float16 needs a GPU: take bfloat16')
    half = dict(type='mmpe.Float16OptimWrapper', loss_scale='dynamic')
    wrapper = half if dtype == 'float16' else dict(type='mmpe.BFloat16OptimWrapper')
    single = 'optimizer' in optim_wrapper
    for config in [optim_wrapper] if single else optim_wrapper.values():
        if isinstance(config, dict):
            if config.get('type', 'OptimWrapper') not in ('OptimWrapper', OptimWrapper):
                raise InputError(f'--amp goes with OptimWrapper, and the config has {config["type"]}')
            config.update(wrapper)
