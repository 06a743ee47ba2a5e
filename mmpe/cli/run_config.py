"""The config that a run is given on a command line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmpe.apis import load_config
from mmpe.apis.processes import said_once
from mmpe.errors import InputError


def read_run_config(
    path: str,
    overrides: Iterable[tuple[str, Any]] | None,
    launcher: str,
    local_rank: int | None,
    picture: str | None,
    pictures: str | None,
) -> Config:
    """Read a config file, and put into it what the options of the same names say, see :mod:`mmpe.cli.options`."""
    if local_rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(local_rank))
    options = dict(overrides or ())
    if 'launcher' in options:
        raise InputError(f'launcher={options["launcher"]} is ignored in a config: give it as --launcher')
    with said_once(launcher):
        config = load_config(path, options, picture, pictures)
    config.launcher = launcher
    config.work_dir = config.get('work_dir') or str(Path('work_dirs') / Path(path).stem)
    return config
