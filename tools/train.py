"""Train a model."""

import os
from pathlib import Path

from mmengine.config import DictAction
from mmengine.device import get_device

from mmpe.apis import load_config, train
from mmpe.apis.command_line import command, parser
from mmpe.errors import InputError


def parse_args():
    p = parser(
        __doc__,
        'python tools/train.py configs/singan/singan_balloons.py --cfg-options '
        'train_dataloader.dataset.data_root=my.jpg',
    )
    p.add_argument('config', help='the config file')
    p.add_argument('--work-dir', help='where to write; default: work_dirs/CONFIG_NAME')
    p.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CKPT',
        help='go on from this checkpoint, or from the last one in the work dir',
    )
    p.add_argument('--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 elsewhere')
    p.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='overrides, such as model.iters_per_scale=500',
    )
    p.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='what starts the processes'
    )
    p.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by the launcher')
    return p.parse_args()


def mixed_precision(optim_wrapper):
    """Give every optimiser autocast: float16 with loss scaling on a GPU, bfloat16 elsewhere."""
    on_gpu = get_device() == 'cuda'
    wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic') if on_gpu else dict(type='BFloat16OptimWrapper')
    single = 'optimizer' in optim_wrapper
    for config in [optim_wrapper] if single else optim_wrapper.values():
        if isinstance(config, dict):
            if config.get('type', 'OptimWrapper') != 'OptimWrapper':
                raise InputError(f'--amp goes with OptimWrapper, and the config has {config["type"]}')
            config.update(wrapper)


@command
def main():
    args = parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    config = load_config(args.config, args.cfg_options)
    config.launcher = args.launcher
    config.work_dir = args.work_dir or config.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)
    if args.amp:
        mixed_precision(config.optim_wrapper)
    if args.resume:
        config.resume = True
        config.load_from = None if args.resume == 'auto' else args.resume
    train(config)


if __name__ == '__main__':
    main()
