"""The command ``mmpe``: one module a subcommand, which a file in tools/ runs, too."""

from __future__ import annotations

import argparse
import ast
import sys
from importlib import import_module
from importlib.util import find_spec

import mmpe
from mmpe.apis.command_line import OneLineParser, command

_COMMANDS = (
    *('train', 'train-folder', 'sample', 'edit', 'test', 'evaluate-singan', 'audit'),
    *('prepare', 'convert', 'features', 'claims', 'gallery', 'benchmark', 'benchmark-pictures'),
)


@command
def main(arguments: list[str] | None = None) -> None:
    """Run a subcommand; ``sys.argv`` is what it reads, and what its messages call it by.

    Args:
        arguments (list[str] | None): Without the name of the program; None: those of ``sys.argv``.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    p = OneLineParser(
        'mmpe',
        usage='mmpe [-h] [--version] COMMAND ...',
        description=mmpe.__doc__,
        epilog='commands:\n' + '\n'.join(f'  {name:18} {_what_it_does(name)}' for name in _COMMANDS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument('--version', action='version', version=f'mmpe {mmpe.__version__}')
    p.add_argument(
        'command', choices=_COMMANDS, metavar='COMMAND', help='one of those below; COMMAND --help tells more'
    )
    # what a command takes is its own to read
    name = p.parse_args(arguments[:1]).command
    sys.argv = [f'mmpe {name}', *arguments[1:]]
    import_module(_module(name)).main()


def _module(name: str) -> str:
    return f'{__name__}.{name.replace("-", "_")}'


def _what_it_does(name: str) -> str:
    """The first line of a command's help, which is read without importing what the command needs."""
    spec = find_spec(_module(name))
    return (ast.get_docstring(ast.parse(spec.loader.get_source(spec.name))) or '').partition('\n')[0]
