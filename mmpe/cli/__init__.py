"""The command ``mmpe``: every module here that defines ``main`` is a subcommand of the module's name."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from pkgutil import ModuleInfo, iter_modules

import mmpe
from mmpe.boundary import boundary

from .from_signatures import new_app, run

# What is imported by now stays until the end. Looking through it for garbage would take a fifth of every start.
gc.freeze()


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
    for name, summary in COMMANDS.items():
        app.command(f'{_module(name)}:main', name=name, help=summary)
    return app


def _module(name: str) -> str:
    return f'{__name__}.{name.replace("-", "_")}'


def _find_commands() -> dict[str, str]:
    """The summaries of all commands by name, read without importing what the commands need."""
    found = {module.name.replace('_', '-'): _summary(module) for module in iter_modules(__path__)}
    return {name: summary for name, summary in found.items() if summary is not None}


def _summary(module: ModuleInfo) -> str | None:
    """The first paragraph of a command's help; None for a module that is not a command."""
    spec = module.module_finder.find_spec(module.name)
    source = ast.parse(spec.loader.get_source(spec.name))
    for node in source.body:
        if isinstance(node, ast.FunctionDef) and node.name == 'main':
            help_text = ast.get_docstring(node) or ast.get_docstring(source) or ''
            return help_text.partition('\n\n')[0].replace('\n', ' ')
    return None


COMMANDS = _find_commands()
