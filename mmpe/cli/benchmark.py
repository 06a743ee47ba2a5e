"""Time a family's training, part by part.

Prints ours alone; a fair ratio needs the other side run in turn, on the same machine, in the same minutes.
"""

import time
from contextlib import nullcontext

import torch
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapperDict
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from tqdm import tqdm

from mmpe.apis import load_config
from mmpe.apis.checks import find_device
from mmpe.apis.command_line import command, count, parser
from mmpe.engine.memory import keep_freed_memory
from mmpe.errors import InputError, as_input_error
from mmpe.models.losses import non_saturating, r1_penalty
from mmpe.models.sampled import check_memory
from mmpe.numbers import size_text
from mmpe.registry import DATASETS, MODELS, OPTIM_WRAPPER_CONSTRUCTORS
from mmpe.visualization import markdown_table

SINGAN = 'mmpe::positional_encoding_in_gans/singan_csg_quickstart.py'
STYLEGAN2 = 'mmpe::positional_encoding_in_gans/mspie-stylegan2-config-f_c2_8xb3-1100kiters_ffhq-256-512.py'
DTYPES = dict(float32=torch.float32, bfloat16=torch.bfloat16, float16=torch.float16)


def parse_args():
    p = parser(__doc__, 'singan --max-size 128 --iterations 5')
    families = p.add_subparsers(dest='family', required=True, metavar='FAMILY')

    singan = families.add_parser('singan', help='SinGAN: one iteration is 3 steps of D and 3 of G')
    singan.set_defaults(run=benchmark_singan, config=SINGAN)
    singan.add_argument('--picture', default='skimage://rocket', help='a picture; default: %(default)s')
    singan.add_argument('--max-size', type=count, default=128, help='its long side in pixels; default: %(default)s')

    stylegan2 = families.add_parser('stylegan2', help='StyleGAN2: forward, steps of G and D, R1')
    stylegan2.set_defaults(run=benchmark_stylegan2, config=STYLEGAN2)
    stylegan2.add_argument('--size', type=count, default=256, help='of the smallest scale; default: %(default)s')
    stylegan2.add_argument('--batch', type=count, default=2, help='default: %(default)s')
    stylegan2.add_argument('--compile', action='store_true', help='torch.compile both networks')

    for family, dtypes in (singan, ['float32', 'bfloat16']), (stylegan2, list(DTYPES)):
        family.add_argument('--config', help='another config of the family')
        family.add_argument('--iterations', type=count, default=5, help='of each part; default: %(default)s')
        family.add_argument('--device', default='cpu', help='default: %(default)s')
        family.add_argument('--dtype', choices=dtypes, default='float32', help='default: %(default)s')
    return p.parse_args()


def now(device) -> float:
    """Seconds, once the device has done what it was told."""
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize(device)
    return time.perf_counter()


def show(args, what, header, rows):
    """Print a Markdown table."""
    threads = f'{torch.get_num_threads()} threads'
    device = torch.cuda.get_device_name(args.device) if torch.device(args.device).type == 'cuda' else threads
    print(f'{what}, {args.device}, {args.dtype}, PyTorch {torch.__version__}, {device}')
    print('\n'.join(markdown_table([header, *rows])))


# -------------------------------------------------------------------- SinGAN


def benchmark_singan(args):
    """Time an iteration at every scale."""
    config = args.config
    config.train_dataloader.dataset.update(data_root=args.picture, max_size=args.max_size)
    with as_input_error(f'the config cannot be timed as a {args.family}'):
        model, optimisers, data = prepare_singan(config, args.device, args.dtype)
    rows, total = [], 0.0
    for scale in tqdm(range(model.num_scales), desc='scale'):
        seconds = time_iteration(model, optimisers, data, args.iterations)
        rows.append([str(scale), size_text(model.sizes[scale]), f'{seconds * 1e3:.1f}'])
        total += seconds
    rows.append(['sum', '', f'{total * 1e3:.0f}'])
    show(args, f'{args.picture} at {args.max_size} px', ['scale', 'size', 'ms an iteration'], rows)


def prepare_singan(config, device, dtype):
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
            start = now(model.picture.device)
        model.train_step(data, optimisers)
    return (now(model.picture.device) - start) / iterations


# -------------------------------------------------------------------- StyleGAN2


def benchmark_stylegan2(args):
    """Time the generator at every scale of the config, and the parts of training at the smallest."""
    config = args.config
    with as_input_error(f'the config cannot be timed as a {args.family}'):
        config.model.generator.out_size = config.model.discriminator.in_size = args.size
        model = MODELS.build(config.model).to(args.device).train()
        check_memory(model, model.generator.image_size(), args.batch, args.batch)
        works = stylegan2_works(model, args)
    own_rate = convolution_rate(args)
    rows = []
    for name, work in tqdm(works.items(), desc='part'):
        with FlopCounter() as counter:
            work()
        seconds = time_work(work, args)
        rate = counter.flops / seconds / 1e9
        rows.append([name, f'{seconds * 1e3:.1f}', f'{rate:.0f}', f'{rate / own_rate:.2f}'])
    rows.append(['a 3x3 convolution, 256 channels', '', f'{own_rate:.0f}', '1.00'])
    header = ['part', 'ms', 'GFLOP/s', 'of the convolution']
    show(args, f'{args.batch} pictures of {args.size} px', header, rows)


class FlopCounter(TorchDispatchMode):
    """Counts floating-point operations; PyTorch's own counter hooks modules, which a double backward does not allow."""

    flops = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        count = flop_registry.get(function._overloadpacket)
        self.flops += count(*args, **(kwargs or {}), out_val=result) if count else 0
        return result


def stylegan2_works(model, args) -> dict:
    """What is timed, by name; the same work as is done in training, without the optimisers."""
    generator, critic = model.generator, model.discriminator
    if args.compile:
        generator, critic = torch.compile(generator), torch.compile(critic)
    z = torch.randn(args.batch, model.generator.style_channels, device=args.device)
    real = torch.randn(args.batch, 3, *model.generator.image_size(4), device=args.device)
    dtype = DTYPES[args.dtype]

    def autocast():
        return nullcontext() if dtype == torch.float32 else torch.autocast(torch.device(args.device).type, dtype)

    @torch.no_grad()
    def forward(base_size=4):
        with autocast():
            return generator(z, base_size)

    def generator_step():
        critic.requires_grad_(False)
        with autocast():
            loss = non_saturating(critic(generator(z)), True)
        loss.backward()
        critic.requires_grad_(True)

    def discriminator_step():
        fake = forward()
        with autocast():
            loss = non_saturating(critic(fake), False) + non_saturating(critic(real), True)
        loss.backward()

    def r1():
        with autocast():
            penalty = r1_penalty(critic, real)
        penalty.backward()

    works = {f'G forward {size_text(generator.image_size(b))}': lambda b=b: forward(b) for b in model.scales.bases}
    return {**works, 'G step': generator_step, 'D step': discriminator_step, 'R1': r1}


def time_work(work, args) -> float:
    """Seconds a call, on average."""
    work()
    start = now(args.device)
    for _ in range(args.iterations):
        work()
    return (now(args.device) - start) / args.iterations


def convolution_rate(args) -> float:
    """GFLOP/s of a large 3x3 convolution here, channels-last."""
    conv = torch.nn.Conv2d(256, 256, 3, padding=1, bias=False).to(args.device, DTYPES[args.dtype])
    conv = conv.to(memory_format=torch.channels_last)
    x = torch.randn(8, 256, 64, 64, device=args.device, dtype=DTYPES[args.dtype])
    x = x.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        seconds = time_work(lambda: conv(x), args)
    return 2 * x.numel() * 256 * 9 / seconds / 1e9


@command
def main():
    args = parse_args()
    MMLogger.get_current_instance().setLevel('WARNING')
    torch.manual_seed(0)
    keep_freed_memory()
    find_device(args.device)
    args.config = load_config(args.config)
    if not {'model', 'train_dataloader', 'optim_wrapper'} <= set(args.config):
        raise InputError(
            'the config says not what is trained: it needs a model, a train_dataloader and an optim_wrapper'
        )
    args.run(args)
