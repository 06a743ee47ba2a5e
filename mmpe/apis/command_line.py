"""The parser of ``mmpe edit``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from mmpe import arguments
from mmpe.boundary import boundary as command  # noqa: F401
from mmpe.errors import InputError, one_line, reason
from mmpe.names import locate
from mmpe.numbers import MOST_REAL, MOST_SEED, MOST_WHOLE


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


def _as_argument_type(read: Callable[[str], object]) -> Callable[[str], object]:
    """A reader of :mod:`mmpe.arguments` for argparse, which shows the message of its own error alone."""

    def convert(text: str):
        try:
            return read(text)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def whole(least: int = 1, most: int = MOST_WHOLE) -> Callable[[str], object]:
    """What reads a whole number from ``least`` to ``most``."""
    return _as_argument_type(arguments.whole(least, most).read)


def real(least: float = -MOST_REAL, most: float = MOST_REAL) -> Callable[[str], object]:
    """What reads a finite number from ``least`` to ``most``."""
    return _as_argument_type(arguments.real(least, most).read)


size = _as_argument_type(arguments.read_size)
count = whole(1)
seed = whole(0, MOST_SEED)
