"""What all command-line tools share."""

from __future__ import annotations

import argparse
import functools
import os
import sys
from pathlib import Path

from mmengine.config import Config, DictAction

from mmpe.errors import InputError

from .config import load_config
from .processes import said_once


def command(main):
    """Turn what the user got wrong into one line on stderr and exit code 2; Ctrl-C into 130."""

    @functools.wraps(main)
    def run(*args, **kwargs):
        try:
            return main(*args, **kwargs)
        except (InputError, OSError) as error:
            print(f'error: {error}', file=sys.stderr)
            raise SystemExit(2) from None
        except KeyboardInterrupt:
            print('interrupted', file=sys.stderr)
            raise SystemExit(130) from None

    return run


def parser(description: str, example: str) -> argparse.ArgumentParser:
    """An argument parser that ends its help with an example."""
    return argparse.ArgumentParser(
        description=description,
        epilog=f'example:\n  {example}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_run_options(p: argparse.ArgumentParser, example_override: str) -> None:
    """What every tool that runs a config takes: overrides and a launcher."""
    p.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help=f'overrides, such as {example_override}',
    )
    p.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='what starts the processes'
    )
    p.add_argument('--local_rank', '--local-rank', type=int, help='set by the launcher')


def read_run_config(args: argparse.Namespace) -> Config:
    """The config file ``args.config`` with the options of :func:`add_run_options`."""
    if args.local_rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    with said_once(args.launcher):
        config = load_config(args.config, args.cfg_options)
    config.launcher = args.launcher
    config.work_dir = config.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)
    return config


def size(text: str) -> tuple[int, int]:
    """Read HEIGHTxWIDTH, or one number for a square, as (height, width)."""
    try:
        numbers = [int(part) for part in text.lower().split('x')]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or min(numbers) < 1:
        raise argparse.ArgumentTypeError(f'a size is HEIGHTxWIDTH in pixels, such as 300x500, not {text!r}')
    return numbers[0], numbers[-1]


def count(text: str) -> int:
    """Read a whole number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'must be a whole number of at least 1, not {text!r}')
    return int(text)
