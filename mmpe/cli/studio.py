"""``mmpe studio``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mmpe.apis.checks import find_device
from mmpe.arguments import Count, whole
from mmpe.errors import InputError

from .from_signatures import command
from .options import Device, Folder, Overrides

MOST_SIZE, MOST_PORT = 4096, 65535


@command('my_picture.jpg')
def main(
    sources: Annotated[list[str] | None, Parameter(name='SOURCES')] = None,
    /,
    *,
    out: Folder = Path('work_dirs/studio'),
    host: str = '127.0.0.1',
    port: Annotated[int | None, whole(0, MOST_PORT, metavar='PORT')] = None,
    no_browser: bool = False,
    config: str | None = None,
    max_size: Annotated[int, whole(1, MOST_SIZE, metavar='PIXELS')] = 128,
    threads: Count | None = None,
    device: Device = 'cpu',
    cfg_options: Overrides | None = None,
) -> None:
    """Take hold of a picture in a web page, and drag: train on it, edit it, and take away what you made.

    Serves a page on this machine and opens it. Pictures are trained, one after the other, in processes that save when
    the studio ends, also if it is killed. Called again, the studio has all that it had.

    Args:
        sources: pictures (files, skimage://NAME), which are trained; checkpoints of SinGANs, and folders of them
        out: where the studio keeps what it trains; models that are there are offered again
        host: address to listen at; beyond this machine, the page opens with the token that is printed alone
        port: to listen at; default: 8642, or a free one if that is taken
        no_browser: do not open the page in a browser
        config: a SinGAN's config, or mmpe::NAME; default: the CSG quickstart
        max_size: long side of the pictures that are trained, where the page does not choose it
        threads: CPU threads of a training; default: all cores but one, which is left to drawing
        cfg_options: overrides for all trainings, such as model.iters_per_scale=500
    """
    require_studio()
    from mmpe.studio.serve import add_sources, alone_in, serve
    from mmpe.studio.studio import Studio
    from mmpe.studio.training import CONFIG, TrainingPlan

    plan = TrainingPlan(config or CONFIG, dict(cfg_options or ()), max_size, threads)
    plan.read()
    with alone_in(out):
        studio = Studio(out, plan, find_device(device))
        add_sources(studio, sources or ())
        serve(studio, host, port, browser=not no_browser)


def require_studio() -> None:
    """Refuse to go on without the packages of the studio, which not everybody installs.

    Raises:
        InputError: If one is missing.
    """
    for package in ('starlette', 'uvicorn'):
        if importlib.util.find_spec(package) is None:
            raise InputError(f"the studio needs {package}: pip install 'mmpe[studio]'")
