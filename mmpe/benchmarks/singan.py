"""Time the training of a SinGAN, scale by scale."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapperDict

from mmpe.engine.compilation import compile_network
from mmpe.engine.cuda_graphs import WARM_UPS, GraphedSteps, check_graphs
from mmpe.errors import as_input_error
from mmpe.memory import peak_memory
from mmpe.models.singan import SinGANModel
from mmpe.numbers import size_text
from mmpe.progress import tracked
from mmpe.registry import DATASETS, MODELS, OPTIM_WRAPPER_CONSTRUCTORS

from .timing import COMPARED, ROUNDS, check_trains, compared, now, prepare_process, time_in_turn, timing_table

_WARM_UP = 2


def time_singan(
    config: Config,
    picture: str,
    max_size: int,
    iterations: int,
    device: torch.device,
    dtype: str = 'float32',
    compile: bool = False,
) -> str:
    """Time an iteration at every scale. An iteration is all steps of D and of G: see the config.

    Args:
        config: The config of a SinGAN.
        picture: A file, or ``skimage://NAME``.
        max_size: The long side of the picture, in pixels.
        iterations: Number of timed iterations per scale.
        device: The device to train on.
        dtype: 'float32' or 'bfloat16'.
        compile: Whether to time the same with compiled networks, in turn; medians of three rounds.

    Returns:
        A Markdown table.

    Raises:
        InputError: If the config is not a SinGAN's, or there is no such picture.
    """
    runs = _prepare_all(config, picture, max_size, device, dtype, [False, True] if compile else [False])
    model = runs[0].model
    seconds = [_time_scale(runs, iterations, device) for _ in tracked(range(model.num_scales), 'scale')]
    seconds.append([sum(times) for times in zip(*seconds)])
    names = [[str(scale), size_text(size)] for scale, size in enumerate(model.sizes)] + [['sum', '']]
    show = (lambda pair: compared(*pair)) if compile else (lambda times: [f'{times[0] * 1e3:.1f}'])
    header = ['scale', 'size', *(COMPARED if compile else ['ms per iteration'])]
    rows = [[*name, *show(times)] for name, times in zip(names, seconds)]
    return timing_table(f'{picture} at {max_size} px', device, dtype, header, rows)


def time_finest_scale(
    config: Config, picture: str, max_size: int, iterations: int, device: torch.device, dtype: str = 'float32'
) -> str:
    """Time an iteration at the finest scale, which takes the most memory, and say how much that is.

    The scales below it are not trained: their weights change neither times nor memory.

    Args:
        config: The config of a SinGAN.
        picture: A file, or ``skimage://NAME``.
        max_size: The long side of the picture, in pixels.
        iterations: Number of timed iterations, after one that does not count.
        device: The device to train on.
        dtype: 'float32' or 'bfloat16'.

    Returns:
        A Markdown table. CPU seconds are added up over all threads. Memory is the whole process's on a CPU, and what
        PyTorch has allocated on a GPU.

    Raises:
        InputError: If the config is not a SinGAN's, or there is no such picture.
    """
    (run,) = _prepare_all(config, picture, max_size, device, dtype, [False])
    _skip_to_finest_scale(run.model)
    run.model.iters_per_scale = iterations + 2  # the scale is not finished
    run.step()
    start, worked = now(device), time.process_time()
    for _ in range(iterations):
        run.step()
    times = now(device) - start, time.process_time() - worked
    row = [size_text(run.model.sizes[-1]), *(f'{seconds / iterations:.2f}' for seconds in times)]
    row.append(f'{peak_memory(device) / 2**30:.2f}')
    header = ['finest scale', 'seconds per iteration', 'CPU seconds', 'peak memory, GiB']
    return timing_table(f'{picture} at {max_size} px', device, dtype, header, [row])


def _skip_to_finest_scale(model: SinGANModel) -> None:
    model.set_numbers('stage', model.num_scales - 1)
    model.fixed_noise.normal_()
    model.noise_weights.fill_(model.noise_weight)
    model.train()


def compare_graphs(
    config: Config, picture: str, max_size: int, iterations: int, device: torch.device, dtype: str = 'float32'
) -> str:
    """Time an iteration at every scale without CUDA graphs and with them, and compare the losses.

    Losses are compared before anything is timed: both begin a scale with the same weights, and train on the same
    picture with the same random numbers, through warm-up, capture and a replay.

    Args:
        config: The config of a SinGAN.
        picture: A file, or ``skimage://NAME``.
        max_size: The long side of the picture, in pixels.
        iterations: Number of timed iterations per scale.
        device: The device to train on. On a CPU, which has no graphs, only the first column is measured.
        dtype: 'float32' or 'bfloat16'.

    Returns:
        A Markdown table.
    """
    on_gpu = device.type == 'cuda'
    runs = _prepare_all(config, picture, max_size, device, dtype, [False] * (1 + on_gpu))
    for run in runs[1:]:
        check_graphs(run.model, run.optimizers)
        run.model.run_steps = GraphedSteps(run.model, run.optimizers)
    rows = []
    for scale, size in enumerate(tracked(runs[0].model.numbers('sizes'), 'scale')):
        differences = _losses_apart(runs)
        times = [f'{seconds * 1e3:.1f}' for seconds in _time_scale(runs, iterations, device, done=len(differences))]
        shown = [*times, *(f'{differences[at]:.1g}' for at in (0, -1))] if on_gpu else [*times, *['not on a GPU'] * 3]
        rows.append([str(scale), size_text(size), *shown])
    apart = [f'losses apart after {number}' for number in ('1 iteration', f'{len(differences)} iterations')]
    header = ['scale', 'size', 'ms', 'ms with graphs', *apart]
    return timing_table(f'{picture} at {max_size} px', device, dtype, header, rows)


def _losses_apart(runs: Sequence[_Run]) -> list[float]:
    """The largest difference of a loss between the runs, after each iteration until one is replayed."""
    apart = []
    for run in runs:
        run.model.load_state_dict(runs[0].model.state_dict())  # small differences grow from scale to scale
        run.model.iters_per_scale = 10**6  # as yet: how many there will be is not known
    for _ in range(WARM_UPS + 2):
        first, *others = [run.step() for run in runs]
        differences = [_apart(first[name], other[name]) for other in others for name in first]
        apart.append(max(differences, default=0.0))
    return apart


def _apart(one: torch.Tensor, other: torch.Tensor) -> float:
    """Relative where losses are large: critics' are about zero at first."""
    return ((one - other).abs() / one.abs().clamp_min(1)).item()


class _Run(NamedTuple):
    """A model in training: with its optimizers and the picture's pyramid."""

    model: SinGANModel
    optimizers: OptimWrapperDict
    data: dict

    def step(self) -> dict[str, torch.Tensor]:
        return self.model.train_step(self.data, self.optimizers)


def _prepare_all(
    config: Config, picture: str, max_size: int, device: torch.device, dtype: str, compiled: Sequence[bool]
) -> list[_Run]:
    """One run per entry of ``compiled``, all with the same weights."""
    prepare_process()
    check_trains(config)
    config.train_dataloader.dataset.update(data_root=picture, max_size=max_size)
    with as_input_error('the config cannot be timed as a singan'):
        return [_prepare(config, device, dtype, each) for each in compiled]


def _prepare(config: Config, device: torch.device, dtype: str, compiled: bool) -> _Run:
    """The model, the optimizers and the picture's pyramid."""
    torch.manual_seed(0)
    dataset = DATASETS.build(config.train_dataloader.dataset)
    # batch statistics in all iterations, as in the first half of a scale and in other implementations
    model = MODELS.build(dict(config.model, freeze_norm_at=1))
    model.set_pyramid(dataset.sizes)
    model.to(device).train()
    optimizers = config.optim_wrapper.copy()
    if dtype != 'float32':
        for network in ('generator', 'discriminator'):
            optimizers[network] = dict(optimizers[network], type='mmpe.BFloat16OptimWrapper')
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.build(
        dict(type=optimizers.pop('constructor'), optim_wrapper_cfg=optimizers)
    )
    inputs = {name: real[None].to(device) for name, real in dataset[0]['inputs'].items()}
    if compiled:
        for network in (model.generator, model.discriminator):
            compile_network(network, {})
    return _Run(model, constructor(model), dict(inputs=inputs))


def _time_scale(runs: Sequence[_Run], iterations: int, device: torch.device, done: int = 0) -> list[float]:
    """Seconds per iteration of each run at its current scale, of which some are ``done``; it is finished afterwards."""
    for run in runs:
        run.model.iters_per_scale = done + _WARM_UP + ROUNDS * (1 + iterations)  # a round has one that is not counted
        for _ in range(_WARM_UP):
            run.step()
    return time_in_turn([run.step for run in runs], device, iterations)
