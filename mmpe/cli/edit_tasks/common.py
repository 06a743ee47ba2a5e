"""What all tasks of mmpe edit share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from mmpe.apis.command_line import called_as, count, seed
from mmpe.apis.results import add_overwrite
from mmpe.editing.edited import Edited


def add_task(
    tasks, name: str, run: Callable[..., Edited], summary: str, example: str, file: str | None = None
) -> argparse.ArgumentParser:
    """Add a task to the command line.

    Args:
        tasks: What ``add_subparsers`` gave.
        name (str): Of the task.
        run (Callable): ``run(model, args)`` of a trained SinGAN and the parsed arguments, to an :class:`Edited`.
        summary (str): What it does, a sentence.
        example (str): Arguments after ``CKPT``.
        file (str | None): For a task that writes a single file: its usual name. None: it writes a folder.

    Returns:
        argparse.ArgumentParser: To which the task adds its own arguments.
    """
    p = tasks.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f'example:\n  {called_as()} {name} work_dirs/mine/iter_2000.pth {example}'.rstrip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.set_defaults(run=run)
    p.add_argument('checkpoint', metavar='CKPT', help='a SinGAN, written by mmpe train')
    out, kind = (file, 'FILE') if file else (f'edited_{name}', 'DIR')
    p.add_argument('--out', type=Path, default=Path(out), metavar=kind, help='default: %(default)s')
    p.set_defaults(writes_a_file=file is not None, sheet=False)
    add_overwrite(p)
    p.add_argument('--device', default='cpu', help='such as cuda; default: %(default)s')
    return p


def add_draws(p: argparse.ArgumentParser, num: int = 4) -> None:
    """Arguments of tasks that draw random images."""
    p.add_argument('--num', type=count, default=num, help='number of images; default: %(default)s')
    p.add_argument('--seed', type=seed, default=0, help='the same seed gives the same images; default: %(default)s')
