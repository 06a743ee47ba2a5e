"""Trains pictures in child processes, one at a time, and publishes their progress."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.config import Config

from mmpe.apis.logged_progress import read_scalars
from mmpe.apis.many_pictures import find_config, picture_config
from mmpe.apis.subprocesses import JobProcess, read_failure
from mmpe.apis.workers import Workers
from mmpe.compat.datasets import name_picture
from mmpe.engine.run_lock import is_free
from mmpe.errors import InputError, as_input_error
from mmpe.models.singan.iterations import first_iteration, iterations_of, longer, place_of
from mmpe.registry import DATASETS, plain_data
from mmpe.visualization import save_picture

from .entries import Entry
from .events import Events
from .jobs import JobQueue, QueuedJob
from .library import Library

CONFIG = 'mmpe::positional_encoding_in_gans/singan_csg_fast.py'
_SCHEDULES = dict(fast=1, thorough=4)
_LOGS_PER_SCALE = 25
_MAX_SIZE = 'train_dataloader.dataset.max_size'


@dataclass(frozen=True)
class TrainingPlan:
    """How pictures are trained.

    Attributes:
        config: Of a SinGAN.
        options: Changed in it, by their dotted keys.
        max_size: The long side of the finest scale in pixels, where a page does not choose it.
        threads: CPU threads of the child process; None: all cores but one, which is left to drawing.
    """

    config: str = CONFIG
    options: dict[str, Any] = field(default_factory=dict)
    max_size: int = 128
    threads: int | None = None

    def read(self, max_size: int | None = None, times: int = 1) -> Config:
        """The config of a training.

        Args:
            max_size: The long side; None: that of the plan.
            times: As many iterations per scale as in the config.

        Raises:
            InputError: If the config cannot be read or is not that of a SinGAN.

        >>> TrainingPlan(options={'model.iters_per_scale': 100}).read(max_size=64).model.iters_per_scale
        100
        """
        side = max_size or self.options.get(_MAX_SIZE, self.max_size)
        config = find_config(self.config, self.options | {_MAX_SIZE: side})
        _train_longer(config, times)
        hooks = config.get('custom_hooks') or []
        config.custom_hooks = [hook for hook in hooks if 'PyramidPictureHook' not in str(hook.get('type'))]
        return config


class Trainer:
    """Trains the pictures of a library.

    Args:
        library: Where work dirs are made.
        plan: How to train.
        device: On what.
        jobs: Where training processes wait for one another.
        events: Where progress is published.
    """

    def __init__(self, library: Library, plan: TrainingPlan, device: torch.device, jobs: JobQueue, events: Events):
        self.library, self.plan, self.jobs, self.events = library, plan, jobs, events
        self._device = str(device) if device.index is not None or device.type == 'cpu' else f'{device.type}:0'
        self._shown: dict[str, Any] = {}

    def begin(self, picture: str, name: str, max_size: int | None = None, schedule: str = 'fast') -> Entry:
        """Train on a picture of the library.

        Args:
            picture: Its name in the library.
            name: What people call it.
            max_size: The long side of the finest scale; None: that of the plan.
            schedule: 'fast', or 'thorough' for four times as many iterations.

        Raises:
            InputError: If the schedule does not exist, or the sizes do not fit the picture.
        """
        if schedule not in _SCHEDULES:
            raise InputError(f'there is no schedule {schedule!r}: choose from {", ".join(_SCHEDULES)}')
        config = self.plan.read(max_size, _SCHEDULES[schedule])
        return self._begin(config, picture, name)

    def go_on_longer(self, entry: Entry) -> Entry:
        """Train a finished model on, with twice the iterations, as a model of its own; the first one stays.

        Raises:
            InputError: If the model was not trained here, or is not finished.
        """
        _check_own(entry)
        if not entry.is_finished:
            raise InputError(f'{entry.name} is not finished: resume it')
        config = Config(entry.record['config'])
        _train_longer(config, 2)
        config.load_from = str(entry.checkpoint)
        return self._begin(config, entry.record['picture'], f'{entry.name}, longer')

    def resume(self, entry: Entry) -> None:
        """Go on with a training that was stopped.

        Raises:
            InputError: If there is nothing to go on with.
        """
        _check_own(entry)
        if entry.is_finished:
            raise InputError(f'{entry.name} is finished: train it longer')
        if self.jobs.find('training', entry.id):
            raise InputError(f'{entry.name} is being trained already')
        self._add(entry)

    def stop(self, entry: Entry) -> None:
        """Let a training save and end.

        Raises:
            InputError: If the model is not being trained.
        """
        job = self.jobs.find('training', entry.id)
        if job is None:
            raise InputError(f'{entry.name} is not being trained')
        self.jobs.stop(job)

    def status(self, entry: Entry) -> dict[str, Any] | None:
        """Where a training stands, for a page; None for a model that is finished, or was not trained here."""
        job = self.jobs.find('training', entry.id)
        if job is not None:
            return self._progress(entry, job)
        if entry.is_finished or entry.is_given:
            return None
        failure = read_failure(entry.folder)
        status = self._place(entry, entry.iteration)
        return status | (dict(stage='failed', error=self.library.shown(failure)) if failure else dict(stage='stopped'))

    def watch(self, job: QueuedJob) -> None:
        """Publish what has changed."""
        entry = self.library.entry(job.id)
        status = self._progress(entry, job) if not job.is_over else self.status(entry)
        now = (status, entry.version)
        if self._shown.get(job.id) == now:
            return
        before = self._shown.get(job.id, (None, 0))
        self._shown[job.id] = now
        self.events.publish('training', model=job.id, **(status or dict(stage='done')))
        if before[1] != entry.version:
            self.events.publish(
                'model',
                model=job.id,
                version=entry.version,
                trained_scales=entry.trained_scales,
                trained_size=entry.trained_size,
            )
        if job.is_over:
            self.events.publish('models')
        if job.stage == 'failed':
            self.events.publish('error', name=entry.name, error=self.library.shown(job.failure))

    def _begin(self, config: Config, picture: str, name: str) -> Entry:
        name_picture(config.train_dataloader.dataset, str(self.library.uploads.picture(picture)))
        with as_input_error('the picture cannot be trained on'):
            pyramid = DATASETS.build(config.train_dataloader.dataset)
        record = dict(
            config=plain_data(config._cfg_dict),
            picture=picture,
            pyramid=pyramid.sizes,
            has_encoding=bool(config.model.generator.get('encoding')),
        )
        entry = self.library.add_training(name, record)
        save_picture(pyramid.reals[-1], entry.original)
        self._add(entry)
        self.events.publish('models')
        return entry

    def _add(self, entry: Entry) -> None:
        # the process of a studio that was killed may still be saving
        self.jobs.add(QueuedJob('training', entry.id, lambda: self._process(entry), lambda: is_free(entry.folder)))

    def _process(self, entry: Entry) -> JobProcess:
        picture = self.library.uploads.picture(entry.record['picture'])
        config = picture_config(Config(entry.record['config']), str(picture), entry.folder)
        workers = Workers([self._device], self.plan.threads or max(1, (os.cpu_count() or 1) - 1))
        return JobProcess(entry.name, config, self._device, workers, 'mmpe.studio.training_job')

    def _progress(self, entry: Entry, job: QueuedJob) -> dict[str, Any]:
        file = job.process.scalars if job.process else None
        last = read_scalars(file)[1] if file else None
        status = self._place(entry, last['iter'] if last else entry.iteration)
        left = last.get('seconds_left') if last else None
        return status | dict(seconds_left=None if left is None else round(left), stage=job.stage)

    def _place(self, entry: Entry, iteration: int) -> dict[str, Any]:
        """Scale and iteration, both as people count them."""
        scales, schedule = entry.num_scales, entry.iters_per_scale
        scale = min(place_of(schedule, iteration)[0], scales - 1)
        return dict(
            scale=scale + 1,
            scales=scales,
            iteration=iteration - first_iteration(schedule, scale),
            iterations=iterations_of(schedule, scale),
            seconds_left=None,
        )


def _train_longer(config: Config, times: int) -> None:
    """Give a config as many times the iterations, and a checkpoint per scale: what is finished can be played with."""
    config.model.update(longer(config.model, times))
    iterations = config.model.iters_per_scale
    shared = math.gcd(*iterations) if isinstance(iterations, Sequence) else iterations
    config.merge_from_dict(
        {
            'default_hooks.checkpoint.interval': shared,
            'default_hooks.logger.interval': max(1, shared // _LOGS_PER_SCALE),
        }
    )


def _check_own(entry: Entry) -> None:
    if entry.is_given:
        raise InputError(
            f'{entry.name} was not trained in this studio, which has no picture and no config of it: drop its picture '
            'to train it here'
        )
