"""What all command-line tools share."""

from __future__ import annotations

import argparse
import functools
import sys

from mmpe.errors import InputError


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
