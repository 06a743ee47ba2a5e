"""The command ``mmpe``: one module per subcommand, which a file in tools/ runs, too."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

import mmpe
from mmpe.boundary import boundary

from .from_signatures import new_app, run

COMMANDS = (
    *('train', 'train-folder', 'sample', 'edit', 'studio', 'test', 'evaluate-singan', 'audit'),
    *('prepare', 'convert', 'features', 'claims', 'gallery', 'benchmark', 'benchmark-pictures'),
)


@boundary
def main(arguments: Sequence[str] | None = None) -> None:
    """Run a subcommand; ``sys.argv`` is what it reads, and what its messages call it by.

    Args:
        arguments: Without the name of the program; None: those of ``sys.argv``.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] and arguments[0] in COMMANDS:
        sys.argv = [f'mmpe {arguments[0]}', *arguments[1:]]
        import_module(_module(arguments[0])).main()
    else:
        run(_overview(), arguments)


def _overview():
    """The app that has the help of all commands, and imports none of them."""
    app = new_app('mmpe', version_flags=['--version'], version=f'mmpe {mmpe.__version__}', help=mmpe.__doc__)
    app['--version'].group = 'Options'
    for name in COMMANDS:
        app.command(f'{_module(name)}:main', name=name, help=_what_it_does(name))
    return app


def _module(name: str) -> str:
    return f'{__name__}.{name.replace("-", "_")}'


def _what_it_does(name: str) -> str:
    """The first paragraph of a command's help, which is read without importing what the command needs."""
    spec = find_spec(_module(name))
    module = ast.parse(spec.loader.get_source(spec.name))
    (main,) = (node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == 'main')
    return (ast.get_docstring(main) or ast.get_docstring(module) or '').partition('\n\n')[0].replace('\n', ' ')
