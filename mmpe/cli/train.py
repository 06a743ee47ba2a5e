"""Train a model."""

from mmengine.device import get_device
from mmengine.optim import OptimWrapper

from mmpe.apis import train
from mmpe.apis.command_line import add_picture_options, add_run_options, command, parser, read_run_config
from mmpe.errors import InputError


def parse_args():
    p = parser(
        __doc__,
        'configs/singan/singan_balloons.py --picture my.jpg --cfg-options train_dataloader.dataset.max_size=200',
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
    p.add_argument('--amp-dtype', choices=['float16', 'bfloat16'], help='mixed precision of this type')
    add_picture_options(p, 'what to train on')
    add_run_options(p, 'model.iters_per_scale=500')
    return p.parse_args()


def mixed_precision(optim_wrapper, dtype):
    """Give every optimiser autocast; float16 needs a GPU and gets loss scaling."""
    on_gpu = get_device() == 'cuda'
    dtype = dtype or ('float16' if on_gpu else 'bfloat16')
    if dtype == 'float16' and not on_gpu:
        raise InputError('--amp-dtype float16 needs a GPU: take bfloat16')
    half = dict(type='AmpOptimWrapper', loss_scale='dynamic')
    wrapper = half if dtype == 'float16' else dict(type='mmpe.BFloat16OptimWrapper')
    single = 'optimizer' in optim_wrapper
    for config in [optim_wrapper] if single else optim_wrapper.values():
        if isinstance(config, dict):
            if config.get('type', 'OptimWrapper') not in ('OptimWrapper', OptimWrapper):
                raise InputError(f'--amp goes with OptimWrapper, and the config has {config["type"]}')
            config.update(wrapper)


@command
def main():
    args = parse_args()
    config = read_run_config(args)
    config.work_dir = args.work_dir or config.work_dir
    if args.amp or args.amp_dtype:
        mixed_precision(config.optim_wrapper, args.amp_dtype)
    if args.resume:
        config.resume = True
        config.load_from = None if args.resume == 'auto' else args.resume
    train(config)
