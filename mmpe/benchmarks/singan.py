"""Time the training of a SinGAN, scale by scale."""

from __future__ import annotations

import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapperDict

from mmpe.errors import as_input_error
from mmpe.models.singan import SinGANModel
from mmpe.numbers import size_text
from mmpe.progress import tracked
from mmpe.registry import DATASETS, MODELS, OPTIM_WRAPPER_CONSTRUCTORS

from .timing import check_trains, now, prepare_process, timing_table

_WARM_UP = 3


def time_singan(
    config: Config, picture: str, max_size: int, iterations: int, device: torch.device, dtype: str = 'float32'
) -> str:
    """Time an iteration at every scale. An iteration is 3 steps of D and 3 steps of G.

    Args:
        config: The config of a SinGAN.
        picture: A file, or ``skimage://NAME``.
        max_size: The long side of the picture, in pixels.
        iterations: Number of timed iterations per scale.
        device: The device to train on.
        dtype: 'float32' or 'bfloat16'.

    Returns:
        A Markdown table.

    Raises:
        InputError: If the config is not a SinGAN's, or there is no such picture.
    """
    prepare_process()
    check_trains(config)
    config.train_dataloader.dataset.update(data_root=picture, max_size=max_size)
    with as_input_error('the config cannot be timed as a singan'):
        model, optimizers, data = _prepare(config, device, dtype)
    rows, total = [], 0.0
    for scale in tracked(range(model.num_scales), 'scale'):
        seconds = _time_iteration(model, optimizers, data, iterations, device)
        rows.append([str(scale), size_text(model.sizes[scale]), f'{seconds * 1e3:.1f}'])
        total += seconds
    rows.append(['sum', '', f'{total * 1e3:.0f}'])
    return timing_table(f'{picture} at {max_size} px', device, dtype, ['scale', 'size', 'ms per iteration'], rows)


def _prepare(config: Config, device: torch.device, dtype: str) -> tuple[SinGANModel, OptimWrapperDict, dict]:
    """The model, the optimizers and the picture's pyramid."""
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
    return model, constructor(model), dict(inputs=inputs)


def _time_iteration(
    model: SinGANModel, optimizers: OptimWrapperDict, data: dict, iterations: int, device: torch.device
) -> float:
    """Seconds per iteration at the current scale, which is finished afterwards."""
    model.iters_per_scale = _WARM_UP + iterations
    for i in range(_WARM_UP + iterations):
        if i == _WARM_UP:
            start = now(device)
        model.train_step(data, optimizers)
    return (now(device) - start) / iterations
