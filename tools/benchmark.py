"""Time one training iteration, scale by scale.

Prints ours alone; a fair ratio needs the other side run in turn, on the same machine, in the same minutes.
"""

import time

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapperDict
from tqdm import tqdm

from mmpe.apis import load_config
from mmpe.apis.command_line import command, count, parser
from mmpe.engine.memory import keep_freed_memory
from mmpe.registry import DATASETS, MODELS, OPTIM_WRAPPER_CONSTRUCTORS

CONFIG = 'mmpe::positional_encoding_in_gans/singan_csg_quickstart.py'


def parse_args():
    p = parser(__doc__, 'python tools/benchmark.py singan --max-size 128 --iterations 5')
    families = p.add_subparsers(dest='family', required=True, metavar='FAMILY')
    singan = families.add_parser('singan', help='SinGAN: one iteration is 3 steps of D and 3 of G')
    singan.add_argument('--config', help='a SinGAN config; default: the CSG quickstart')
    singan.add_argument('--picture', default='skimage://rocket', help='a picture; default: %(default)s')
    singan.add_argument('--max-size', type=count, default=128, help='its long side in pixels; default: %(default)s')
    singan.add_argument('--iterations', type=count, default=5, help='timed iterations a scale; default: %(default)s')
    singan.add_argument('--device', default='cpu', help='default: %(default)s')
    singan.add_argument('--dtype', choices=['float32', 'bfloat16'], default='float32', help='default: %(default)s')
    return p.parse_args()


def prepare(config, device, dtype):
    """Model, optimisers and the picture's pyramid."""
    dataset = DATASETS.build(config.train_dataloader.dataset)
    # batch statistics throughout, as in the first half of a scale and in other people's code
    model = MODELS.build(dict(config.model, settle_at=1))
    model.set_pyramid(dataset.sizes)
    model.to(device).train()
    optimisers = config.optim_wrapper.copy()
    if dtype != 'float32':
        for network in ('generator', 'discriminator'):
            optimisers[network] = dict(optimisers[network], type='mmpe.BFloat16OptimWrapper')
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.build(
        dict(type=optimisers.pop('constructor'), optim_wrapper_cfg=optimisers)
    )
    inputs = {name: real[None].to(device) for name, real in dataset[0]['inputs'].items()}
    return model, constructor(model), dict(inputs=inputs)


def time_iteration(model, optimisers: OptimWrapperDict, data: dict, iterations: int) -> float:
    """Seconds an iteration at the current scale; the scale is finished afterwards."""
    warm_up = 3
    model.iters_per_scale = warm_up + iterations
    for i in range(warm_up + iterations):
        if i == warm_up:
            start = _now(model)
        model.train_step(data, optimisers)
    return (_now(model) - start) / iterations


def _now(model) -> float:
    if model.picture.is_cuda:
        torch.cuda.synchronize(model.picture.device)
    return time.perf_counter()


@command
def main():
    args = parse_args()
    config = load_config(args.config) if args.config else Config.fromfile(Config._get_cfg_path(CONFIG, '')[0])
    config.train_dataloader.dataset.update(data_root=args.picture, max_size=args.max_size)
    MMLogger.get_current_instance().setLevel('WARNING')
    torch.manual_seed(0)
    keep_freed_memory()
    model, optimisers, data = prepare(config, args.device, args.dtype)
    rows, total = [], 0.0
    for scale in tqdm(range(model.num_scales), desc='scale'):
        seconds = time_iteration(model, optimisers, data, args.iterations)
        rows.append(f'| {scale} | {"x".join(map(str, model.sizes[scale].tolist()))} | {seconds * 1e3:.1f} |')
        total += seconds
    print(
        f'{args.picture} at {args.max_size} px, {args.device}, {args.dtype}, PyTorch {torch.__version__}, '
        f'{torch.get_num_threads()} threads'
    )
    print(
        '\n'.join(
            ['| scale | size | ms an iteration |', '| --- | --- | --- |', *rows, f'| sum | | {total * 1e3:.0f} |']
        )
    )


if __name__ == '__main__':
    main()
