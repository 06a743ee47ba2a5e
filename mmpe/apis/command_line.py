"""What all command-line tools share."""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config

from mmpe.boundary import boundary as command  # noqa: F401
from mmpe.errors import InputError, one_line, reason
from mmpe.names import locate
from mmpe.numbers import MOST_LENGTH, MOST_REAL, MOST_SEED, MOST_WHOLE, is_whole, real_fault, shown, whole_fault

from .cfg_options import ConfigOptions
from .config import load_config
from .processes import said_once


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, as all errors of a tool are."""

    def parse_args(self, *args, **kwargs) -> argparse.Namespace:
        """As argparse has it; what an action of somebody else's raises is an error like any other."""
        try:
            found = super().parse_args(*args, **kwargs)
        except Exception as error:
            self.error(reason(error))
        for name, value in vars(found).items():
            setattr(found, name, _with_home(value))
        return found

    def error(self, message: str):
        """End with exit code 2."""
        self.exit(2, f'error: {one_line(message)}; see {self.prog} --help\n')


def _with_home(value):
    """Names of files with ``~`` expanded, which shells leave to programs in ``--out=~/results``."""
    if isinstance(value, list):
        return [_with_home(item) for item in value]
    if isinstance(value, (str, Path)) and str(value).startswith('~'):
        return type(value)(locate(value))
    return value


def called_as() -> str:
    """How a user calls this tool: ``mmpe sample``, or ``python tools/sample.py``."""
    program = Path(sys.argv[0]).name
    return program if ' ' in program else f'python tools/{program}'


def parser(description: str | None, example: str) -> argparse.ArgumentParser:
    """An argument parser that ends its help with an example, arguments of the tool.

    Python run with -OO has no descriptions.
    """
    return OneLineParser(
        description=description,
        epilog=f'example:\n  {called_as()} {example}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_run_options(p: argparse.ArgumentParser, example_override: str) -> None:
    """What every tool that runs a config takes: overrides and a launcher."""
    p.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        default={},
        metavar='KEY=VALUE',
        help=f'overrides, such as {example_override}',
    )
    p.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='what starts the processes'
    )
    p.add_argument('--local_rank', '--local-rank', type=whole(0), help='set by the launcher')


def add_picture_options(p: argparse.ArgumentParser, what: str) -> None:
    """``--picture`` and ``--pictures``; ``what`` says what they are used for."""
    which = p.add_mutually_exclusive_group()
    which.add_argument(
        '--picture', metavar='FILE', help=f"{what}, a SinGAN's: a file or skimage://NAME, exactly as typed"
    )
    which.add_argument(
        '--pictures', metavar='DIR', help=f"{what}, another model's: a folder or an LMDB, exactly as typed"
    )


def read_run_config(args: argparse.Namespace) -> Config:
    """The config file ``args.config`` with the options of :func:`add_run_options`."""
    if args.local_rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if 'launcher' in args.cfg_options:
        raise InputError(f'launcher={args.cfg_options["launcher"]} is ignored in a config: give it as --launcher')
    with said_once(args.launcher):
        config = load_config(args.config, args.cfg_options, vars(args).get('picture'), vars(args).get('pictures'))
    config.launcher = args.launcher
    config.work_dir = config.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)
    return config


def size(text: str) -> tuple[int, int]:
    """Read HEIGHTxWIDTH, or one number for a square, as (height, width)."""
    try:
        numbers = [int(part) for part in text.lower().split('x')]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or not all(is_whole(number, 1, MOST_LENGTH) for number in numbers):
        raise argparse.ArgumentTypeError(f'a size is HEIGHTxWIDTH in pixels, such as 300x500, not {shown(text)}')
    return numbers[0], numbers[-1]


def _read(kind: type, fault: Callable[..., str], text: str):
    try:
        number = kind(text)
    except ValueError:
        number = text
    found = fault(number)
    if found:
        raise argparse.ArgumentTypeError(f'{shown(number)} cannot work: it must be {found}')
    return number


def whole(least: int = 1, most: int = MOST_WHOLE) -> Callable[[str], int]:
    """What reads a whole number from ``least`` to ``most``."""
    return functools.partial(_read, int, functools.partial(whole_fault, least=least, most=most))


def real(least: float = -MOST_REAL, most: float = MOST_REAL) -> Callable[[str], float]:
    """What reads a finite number from ``least`` to ``most``."""
    return functools.partial(_read, float, functools.partial(real_fault, least=least, most=most))


count = whole(1)
seed = whole(0, MOST_SEED)
