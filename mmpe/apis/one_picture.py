"""The job of each child process of :func:`~mmpe.apis.many_pictures.train_many`: one picture, from config to result."""

from __future__ import annotations

import json
import time
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.device import get_device

from mmpe.checkpoints import latest_checkpoint, read_checkpoint
from mmpe.engine.hooks.work_dir_hook import tidy
from mmpe.engine.run_lock import locked
from mmpe.errors import InputError, as_input_error
from mmpe.evaluation import single_picture_scores
from mmpe.files import write_atomic
from mmpe.models.singan import SinGANModel
from mmpe.registry import DATASETS, plain_data
from mmpe.visualization import save_picture

from .checkpoint import build, model_config
from .sampling import sample
from .subprocesses import job_main
from .train import train

RESULT = 'result'
SAMPLES_SHOWN = 4
_SAMPLES_SCORED = 32
_RECORD = 'result.json'


def train_picture(config: Config) -> None:
    """Train a SinGAN, or resume its training, and write its result to ``work_dir/result``.

    Raises:
        InputError: If something that the config names cannot be used, another run trains in its work dir, or the work
            dir holds a SinGAN of another picture or config.
    """
    times = {}
    with locked(config.work_dir):
        tidy(config.work_dir)
        if finished_model(config) is None:
            unbroken, begun, worked = latest_checkpoint(config.work_dir) is None, time.monotonic(), time.process_time()
            config.resume = True
            train(config)
            if unbroken:
                times = dict(seconds=time.monotonic() - begun, cpu_seconds=time.process_time() - worked)
        write_result(finished_model(config), config, **times)


def finished_model(config: Config) -> SinGANModel | None:
    """The model in the work dir of a config, on the CPU. None, if not all of its scales are trained.

    Raises:
        InputError: If the last checkpoint or the picture cannot be read, or the model is that of another picture or
            another config.
    """
    path = latest_checkpoint(config.work_dir)
    if path is None:
        return None
    checkpoint = read_checkpoint(path)
    if _plain(model_config(checkpoint)) != _plain(config.model):
        raise InputError(f'{path} was trained with another config: give another --out, or remove its folder')
    model = build(checkpoint, path)
    with as_input_error('the config cannot be built'):
        pictures = DATASETS.build(config.train_dataloader.dataset)
    finest = pictures[0]['inputs'][f'real_scale{len(pictures.sizes) - 1}']
    if model.sizes.tolist() != [list(size) for size in pictures.sizes] or not torch.equal(model.picture[0], finest):
        raise InputError(f'{path} was trained on another picture: give another --out, or remove its folder')
    return model if int(model.stage) == model.num_scales else None


def write_result(
    model: SinGANModel, config: Config, seconds: float | None = None, cpu_seconds: float | None = None
) -> None:
    """Write ``result/original.png``, ``reconstruction.png``, ``sample_0.png``, ... and the scores.

    Args:
        model: A SinGAN whose scales are all trained.
        config: The config that it was trained with.
        seconds: How long its training took, in seconds. None: not known.
        cpu_seconds: How long the CPU's cores worked for it, in seconds, added up. None: not known.
    """
    model = model.to(get_device())
    folder = Path(config.work_dir) / RESULT
    samples = torch.stack(list(sample(model, _SAMPLES_SCORED)))
    reconstruction = model.reconstruct()
    save_picture(model.picture, folder / 'original.png')
    save_picture(reconstruction, folder / 'reconstruction.png')
    for i, image in enumerate(samples[:SAMPLES_SHOWN]):
        save_picture(image, folder / f'sample_{i}.png')
    try:
        scores = single_picture_scores(samples, model.picture, reconstruction)
    except InputError:  # too small to be scored, and not too small to be trained
        scores = {}
    record = dict(
        picture=str(config.train_dataloader.dataset.data_root),
        checkpoint=Path(latest_checkpoint(config.work_dir)).name,
        size=list(model.picture.shape[-2:]),
        scales=model.num_scales,
        iterations=model.iters_per_scale,
        seconds=_rounded(seconds),
        cpu_seconds=_rounded(cpu_seconds),
        scores=scores,
    )
    write_atomic(folder / _RECORD, json.dumps(record, indent=2) + '\n')


def read_result(work_dir: str | Path) -> dict | None:
    """The record that :func:`write_result` has written: picture, checkpoint, size, scales, iterations, seconds,
    cpu_seconds, scores.

    None, if there is no record, or its checkpoint has gone.
    """
    try:
        record = json.loads((Path(work_dir) / RESULT / _RECORD).read_text())
    except (OSError, ValueError):
        return None
    return record if (Path(work_dir) / record['checkpoint']).is_file() else None


def is_done(config: Config) -> bool:
    """Whether a picture is trained and its result is written, so that nothing is left to do."""
    try:
        return read_result(config.work_dir) is not None and finished_model(config) is not None
    except InputError:  # the child process will say what
        return False


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _plain(config: dict) -> str:
    return json.dumps(plain_data(config), sort_keys=True, default=str)


main = job_main(train_picture)
