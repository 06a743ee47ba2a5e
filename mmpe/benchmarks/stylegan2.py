"""Time the parts of a StyleGAN2's training, and compare their rates with that of a plain convolution."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from copy import deepcopy

import torch
from mmengine.config import Config
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from mmpe.engine.compilation import compile_network
from mmpe.errors import as_input_error
from mmpe.grid import Size
from mmpe.models.losses import non_saturating, r1_penalty
from mmpe.models.sampled import check_memory
from mmpe.models.stylegan2 import StyleGAN2Model
from mmpe.numbers import size_text
from mmpe.progress import tracked
from mmpe.registry import MODELS

from .timing import COMPARED, check_trains, compared, prepare_process, time_in_turn, time_work, timing_table

Works = dict[str, Callable[[], object]]
DTYPES = dict(float32=torch.float32, bfloat16=torch.bfloat16, float16=torch.float16)


def time_stylegan2(
    config: Config,
    size: int,
    batch: int,
    iterations: int,
    device: torch.device,
    dtype: str = 'float32',
    compile: bool = False,
) -> str:
    """Time the generator at every scale of the config, and the steps of G, D and R1 at the smallest scale.

    Args:
        config: The config of a StyleGAN2.
        size: The side of the images at the smallest scale, in pixels.
        batch: Images at a time.
        iterations: Number of timed calls per part.
        device: The device to compute on.
        dtype: 'float32', 'bfloat16' or 'float16'.
        compile: Whether to time the same with compiled networks, in turn; medians of three rounds.

    Returns:
        A Markdown table.

    Raises:
        InputError: If the config is not a StyleGAN2's, or there is not enough memory.
    """
    prepare_process()
    check_trains(config)
    with as_input_error('the config cannot be timed as a stylegan2'):
        config.model.generator.out_size = config.model.discriminator.in_size = size
        model = MODELS.build(config.model).to(device).train()
        check_memory(model, model.generator.image_size(), batch, batch)
        works = _works(model, batch, device, DTYPES[dtype])
    if compile:
        compiled = _works(_compiled(model), batch, device, DTYPES[dtype])
        header, rows = ['part', *COMPARED], _compare(works, compiled, device, iterations)
    else:
        header, rows = ['part', 'ms', 'GFLOP/s', 'of the convolution'], _rate(works, device, DTYPES[dtype], iterations)
    return timing_table(f'{batch} pictures of {size} px', device, dtype, header, rows)


def _rate(works: Works, device: torch.device, dtype: torch.dtype, iterations: int) -> list[list[str]]:
    """Rows of a table: seconds, and how well they use the device.

    The operations are those of direct convolutions, also where fewer are computed. So a rate may exceed the device's.
    """
    own_rate = _convolution_rate(device, dtype, iterations)
    rows = []
    for name, work in tracked(works.items(), 'part'):
        with FlopCounter() as counter:
            work()
        seconds = time_work(work, device, iterations)
        rate = counter.flops / seconds / 1e9
        rows.append([name, f'{seconds * 1e3:.1f}', f'{rate:.0f}', f'{rate / own_rate:.2f}'])
    return [*rows, ['a 3x3 convolution, 256 channels', '', f'{own_rate:.0f}', '1.00']]


def _compare(plain: Works, compiled: Works, device: torch.device, iterations: int) -> list[list[str]]:
    """Rows of a table: seconds of both, which take turns."""
    return [
        [name, *compared(*time_in_turn([work, compiled[name]], device, iterations))]
        for name, work in tracked(plain.items(), 'part')
    ]


def _compiled(model: StyleGAN2Model) -> StyleGAN2Model:
    """A copy whose networks are compiled."""
    copy = deepcopy(model)
    for network in (copy.generator, copy.discriminator):
        compile_network(network, {})
    return copy


class FlopCounter(TorchDispatchMode):
    """Count floating-point operations. PyTorch's own counter hooks modules, which a double backward does not allow."""

    flops = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        count = flop_registry.get(function._overloadpacket)
        self.flops += count(*args, **(kwargs or {}), out_val=result) if count else 0
        return result


def _works(model: StyleGAN2Model, batch: int, device: torch.device, dtype: torch.dtype) -> Works:
    """The timed functions by name. They do the same work as training, but without the optimizers."""
    generator, critic = model.generator, model.discriminator
    z = torch.randn(batch, model.generator.style_channels, device=device)
    real = torch.randn(batch, 3, *model.generator.image_size(), device=device)

    def autocast():
        return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)

    @torch.no_grad()
    def forward(base_size: Size | None = None) -> Tensor:
        with autocast():
            return generator(z, base_size)

    def generator_step() -> None:
        critic.requires_grad_(False)
        with autocast():
            loss = non_saturating(critic(generator(z)), True)
        loss.backward()
        critic.requires_grad_(True)

    def discriminator_step() -> None:
        fake = forward()
        with autocast():
            loss = non_saturating(critic(fake), False) + non_saturating(critic(real), True)
        loss.backward()

    def r1() -> None:
        with autocast():
            penalty = r1_penalty(critic, real)
        penalty.backward()

    bases = model.scales.bases
    works = {f'G forward {size_text(generator.image_size(b))}': lambda b=b: forward(b) for b in bases}
    return {**works, 'G step': generator_step, 'D step': discriminator_step, 'R1': r1}


def _convolution_rate(device: torch.device, dtype: torch.dtype, iterations: int) -> float:
    """GFLOP/s of a large 3x3 convolution on this device, channels-last."""
    conv = torch.nn.Conv2d(256, 256, 3, padding=1, bias=False).to(device, dtype)
    conv = conv.to(memory_format=torch.channels_last)
    x = torch.randn(8, 256, 64, 64, device=device, dtype=dtype).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        seconds = time_work(lambda: conv(x), device, iterations)
    return 2 * x.numel() * 256 * 9 / seconds / 1e9
