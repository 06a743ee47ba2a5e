"""The job of the child process that trains a picture."""

from __future__ import annotations

import os

from mmengine.config import Config

from mmpe.apis.subprocesses import job_main
from mmpe.apis.train import train
from mmpe.checkpoints import latest_checkpoint

_NICENESS = 5  # who draws does not wait for who trains


def train_or_go_on(config: Config) -> None:
    """Train, or resume the training of the work dir. ``load_from`` counts at its beginning alone."""
    os.nice(_NICENESS)
    if latest_checkpoint(config.work_dir):
        config.resume, config.load_from = True, None
    train(config)


main = job_main(train_or_go_on)
