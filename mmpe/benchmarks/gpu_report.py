"""Everything about mmpe that only a GPU can show, in one Markdown file."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapperDict, build_optim_wrapper

import mmpe
from mmpe.apis import load_config
from mmpe.apis.memory import estimate_memory
from mmpe.errors import one_line
from mmpe.grid import Size
from mmpe.models.adversarial import AdversarialModel
from mmpe.numbers import size_text
from mmpe.progress import tracked
from mmpe.registry import MODELS
from mmpe.visualization import markdown_table

from .singan import compare_graphs
from .stylegan2 import time_stylegan2
from .timing import now, prepare_process

_CONFIGS = 'mmpe::positional_encoding_in_gans/'
FULL = f'{_CONFIGS}mspie-stylegan2-config-f_c2_8xb3-1100kiters_ffhq-256-512.py'
SMALL = f'{_CONFIGS}mspie-stylegan2_quickstart.py'
SAMPLED = {
    'StyleGAN2 (f)': FULL,
    'StyleGAN2 (small)': SMALL,
    'DCGAN': 'mmpe::dcgan/dcgan_quickstart.py',
    'Progressive GAN': 'mmpe::pggan/pggan_quickstart.py',
}
PARTIAL_FLOAT16 = 'float16, largest resolutions'
WRAPPERS = {
    'float32': {},
    'TF32': {},
    'bfloat16': dict(type='mmpe.BFloat16OptimWrapper'),
    'float16': dict(type='AmpOptimWrapper', loss_scale='dynamic'),
    PARTIAL_FLOAT16: dict(type='mmpe.Float16OptimWrapper', autocast=False),
}
"""What each precision adds to an optim wrapper."""
_WARM_UP = 3
_MOST_TEST_PROCESSES = 12
_GPU_MARK = b'mark.gpu'


@dataclass(frozen=True)
class Plan:
    """How much a report does.

    Attributes:
        device: What it is about.
        quick: Whether it does little: to see that the report itself works.
        steps: Steps of training in each precision.
    """

    device: torch.device
    quick: bool = False
    steps: int = 500

    @property
    def training(self) -> str:
        """The config that is trained and timed."""
        return SMALL if self.quick else FULL

    @property
    def size(self) -> int:
        """Side of the smallest images of that config."""
        return 32 if self.quick else 256

    @property
    def repeats(self) -> int:
        """How often a part is timed."""
        return 1 if self.quick else 20

    @property
    def float16_resolutions(self) -> int:
        """How many of the largest resolutions are in float16, where it is not all of them."""
        return 1 if self.quick else 4

    @property
    def precisions(self) -> list[str]:
        """What the device trains in; MMEngine's loss scaling needs a GPU, and so does TF32."""
        on_gpu = self.device.type == 'cuda'
        return [name for name in WRAPPERS if on_gpu or name not in ('TF32', 'float16')]


def gpu_report(plan: Plan, write: Callable[[str], object], tests: Path | None = None) -> int:
    """Check and time mmpe on a device.

    A section that fails says why, and the others are still made.

    Args:
        plan: What is done, and on which device. That can be the CPU, to see that the report works.
        write: Takes the report in Markdown, as far as it is, after every section.
        tests: The folder of mmpe's tests, whose GPU tests are run. None: none are.

    Returns:
        How many sections have failed.
    """
    prepare_process()
    sections: dict[str, Callable[[], str]] = {
        'Tests that need a GPU': lambda: _tests(tests),
        'Samples, against the CPU': lambda: _samples(plan),
        'Training in each precision': lambda: _precisions(plan),
        'StyleGAN2, part by part': lambda: _stylegan2(plan),
        'SinGAN, with and without CUDA graphs': lambda: _graphs(plan),
        'Memory, against the estimate': lambda: _memory(plan),
    }
    texts, failed = [_head(plan)], 0
    for title, make in tracked(sections.items(), 'section'):
        start = perf_counter()
        try:
            text = make()
        except Exception as error:  # whatever a new device comes up with
            text, failed = f'**Failed**: {type(error).__name__}: {one_line(error)}', failed + 1
        texts.append(f'## {title}\n\n{text}\n\n*{perf_counter() - start:.0f} s*')
        write('\n\n'.join(texts) + '\n')
    return failed


def _head(plan: Plan) -> str:
    on_gpu = plan.device.type == 'cuda'
    name = torch.cuda.get_device_name(plan.device) if on_gpu else f'{platform.processor() or platform.machine()} (CPU)'
    rows = [
        ['', 'version'],
        ['device', name],
        ['mmpe', mmpe.__version__],
        ['PyTorch', torch.__version__],
        ['CUDA', str(torch.version.cuda)],
        ['cuDNN', str(torch.backends.cudnn.version())],
        ['Python', platform.python_version()],
    ]
    note = '' if on_gpu else '\n\n**Not run on a GPU.**'
    less = ' Only to see that the report works: few steps, small networks.' if plan.quick else ''
    return f'# mmpe on {name}{note}{less}\n\n' + '\n'.join(markdown_table(rows))


def _tests(folder: Path | None) -> str:
    # of the files of GPU tests alone: others may need packages that are not installed there
    paths = sorted(path for path in folder.rglob('test_*.py') if _GPU_MARK in path.read_bytes()) if folder else []
    if not paths:
        return 'Not run: there is no folder of GPU tests here.'
    command = [sys.executable, '-m', 'pytest', '-o', 'addopts=-q', '-m', 'gpu', '-p', 'no:cacheprovider']
    command += map(str, paths)
    if find_spec('xdist'):  # one after the other they take longer than all else
        command += ['-n', str(min(os.cpu_count() or 1, _MOST_TEST_PROCESSES))]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=folder.parent)
    last = next(reversed(ended.stdout.strip().splitlines()), '') or one_line(ended.stderr)
    if ended.returncode:
        raise RuntimeError(f'pytest ended with {ended.returncode}: {last}')
    return f'`pytest -m gpu`: {last}'


def _samples(plan: Plan) -> str:
    """Images of random weights: drawn from the same noise, by the CPU and by the device."""
    rows = [['model', 'size', 'largest difference', 'in standard deviations']]
    names = [name for name in SAMPLED if not plan.quick or name != 'StyleGAN2 (f)']
    for name in names:
        model = MODELS.build(load_config(SAMPLED[name]).model).eval()
        expected = model.sample(2)
        with _tf32(False):
            found = model.to(plan.device).sample(2).cpu()
        difference = (found - expected).abs().max().item()
        rows.append([name, size_text(expected.shape[-2:]), f'{difference:.1g}', f'{difference / expected.std():.1g}'])
    return '\n'.join(markdown_table(rows))


def _precisions(plan: Plan) -> str:
    """Training on noise: whether it stays finite, and how many pictures it sees per second."""
    size = (plan.size, plan.size)
    rows = [['precision', 'steps', 'pictures/s', 'losses are finite', 'loss_generator']]
    for precision in tracked(plan.precisions, 'precision'):
        with _tf32(precision == 'TF32'):
            model, optimizers, pictures = _trained(plan, load_config(plan.training), size, precision)
            seconds, losses = _train(model, optimizers, pictures, plan)
        finite = all(math.isfinite(float(value)) for value in losses.values())
        rate = len(pictures) * plan.steps / seconds
        loss = f'{float(losses["loss_generator"]):.3f}'
        rows.append([precision, str(plan.steps), f'{rate:.1f}', 'yes' if finite else '**no**', loss])
    batch = len(pictures)
    return f'`{plan.training}` at {size_text(size)}, batch {batch}:\n\n' + '\n'.join(markdown_table(rows))


def _trained(
    plan: Plan, config: Config, size: Size, precision: str
) -> tuple[AdversarialModel, OptimWrapperDict, torch.Tensor]:
    """A model that is trained at a size, its optimizers, and a batch of noise as pictures."""
    torch.manual_seed(0)
    if precision == PARTIAL_FLOAT16:
        for network in (config.model.generator, config.model.discriminator):
            network.num_fp16_res = plan.float16_resolutions
    model = MODELS.build(config.model).to(plan.device).train()
    model.train_at(size)
    wrappers = {
        name: dict(value, **WRAPPERS[precision]) if isinstance(value, dict) else value
        for name, value in config.optim_wrapper.items()
    }
    batch = config.train_dataloader.batch_size
    pictures = torch.randint(0, 256, (batch, 3, *size), dtype=torch.uint8, device=plan.device)
    return model, build_optim_wrapper(model, wrappers), pictures


def _train(
    model: AdversarialModel, optimizers: OptimWrapperDict, pictures: torch.Tensor, plan: Plan
) -> tuple[float, dict]:
    """Seconds of the steps of a plan, after some that are not counted, and the last losses."""
    for _ in range(1 if plan.quick else _WARM_UP):
        model.train_step(dict(inputs=pictures), optimizers)
    start = now(plan.device)
    for _ in tracked(range(plan.steps), 'step'):
        losses = model.train_step(dict(inputs=pictures), optimizers)
    return now(plan.device) - start, losses


def _stylegan2(plan: Plan) -> str:
    dtypes = [name for name in plan.precisions if name not in ('TF32', PARTIAL_FLOAT16)]
    runs = [(dtype, False) for dtype in dtypes] + ([] if plan.quick else [(dtypes[-1], True)])
    tables = []
    for dtype, compiled in tracked(runs, 'table'):
        config = load_config(plan.training)
        batch = config.train_dataloader.batch_size
        table = time_stylegan2(config, plan.size, batch, plan.repeats, plan.device, dtype, compiled)
        tables.append(_as_section(table, ', compiled' if compiled else ''))
    return '\n\n'.join(tables)


def _graphs(plan: Plan) -> str:
    side = 48 if plan.quick else 250
    tables = []
    for dtype in ('float32', 'bfloat16'):
        config = load_config(f'{_CONFIGS}singan_csg_quickstart.py')
        repeats = max(plan.repeats // 4, 1)  # of each of several rounds
        table = compare_graphs(config, 'skimage://rocket', side, repeats, plan.device, dtype)
        tables.append(_as_section(table))
    return '\n\n'.join(tables)


def _as_section(table: str, note: str = '') -> str:
    """A table of a benchmark, whose first line says what it is."""
    title, _, rows = table.partition('\n')
    return f'{title}{note}:\n\n{rows}'


def _memory(plan: Plan) -> str:
    """The estimate of ``mmpe memory`` beside what the device's allocator has handed out."""
    sizes = [(plan.size, plan.size)] if plan.quick else [(256, 256), (512, 512)]
    rows = [['size', 'estimated, GiB', 'allocated, GiB', 'reserved, GiB']]
    for size in tracked(sizes, 'size'):
        estimate = estimate_memory(load_config(plan.training), sizes=[size])
        allocated = reserved = 'not on a GPU'
        if plan.device.type == 'cuda':
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(plan.device)
            model, optimizers, pictures = _trained(plan, load_config(plan.training), size, 'float32')
            for _ in range(2):  # the second has the optimizers' memory from its start
                for loss in model.losses.values():
                    loss.interval = 1
                model.train_step(dict(inputs=pictures), optimizers)
            allocated = f'{torch.cuda.max_memory_allocated(plan.device) / 2**30:.2f}'
            reserved = f'{torch.cuda.max_memory_reserved(plan.device) / 2**30:.2f}'
            del model, optimizers, pictures
        rows.append([size_text(size), f'{estimate.most / 2**30:.2f}', allocated, reserved])
    return '\n'.join(markdown_table(rows))


@contextmanager
def _tf32(allowed: bool):
    """Within, float32 products may, or may not, be rounded as TensorFloat-32 is."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
