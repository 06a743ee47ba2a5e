"""A command line from a function's signature and docstring, read and documented by cyclopts.

Parameters before ``/`` are positional, and all others are options. The signature has the default, the docstring's
``Args`` has the help, and the annotation says how text becomes a value, see :mod:`mmpe.arguments`. The help of an
option that several commands share may also be in the annotation, as a ``cyclopts.Parameter``.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import update_wrapper
from pathlib import Path
from types import MethodType, NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from cyclopts import App, CycloptsError, Parameter
from cyclopts.exceptions import (
    CoercionError,
    MissingArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from mmpe.arguments import Text
from mmpe.boundary import boundary
from mmpe.errors import one_line
from mmpe.names import locate
from mmpe.progress import progress_bars

# a list takes all words up to the next option, a flag has no --no-flag, and of a repeated option the last one counts
_USUAL = Parameter(consume_multiple=(1, None), negative=(), allow_repeating=True)


def command(example: str, **subcommands: Command) -> Callable[[Callable], Command]:
    """Make a program of a function: its docstring is the help, its signature the options.

    Args:
        example: The arguments of a call, with which the help ends.
        **subcommands: By name, with ``_`` for ``-``; the function is then not called, and documents all of them.
    """
    return lambda function: Command(function, example, subcommands)


class Command:
    """A function as a program, see :func:`command`."""

    def __init__(self, function: Callable, example: str, subcommands: Mapping[str, Command]):
        self._function, self._example, self._subcommands = function, example, subcommands
        update_wrapper(self, function)

    @boundary
    def __call__(self, arguments: Sequence[str] | None = None) -> None:
        """Run it with the words of ``sys.argv``, or others; what cannot be used ends it, with a line and code 2."""
        with progress_bars():
            run(self.app(called_as()), sys.argv[1:] if arguments is None else arguments)

    def app(self, name: str) -> App:
        """What cyclopts runs, for a program that is called by that name."""
        app = new_app(name, help=_description(self._function), help_epilogue=_shown(f'{name} {self._example}'))
        if not self._subcommands:
            app.default(with_parameters(self._function))
        for key, subcommand in self._subcommands.items():
            called = key.replace('_', '-')
            app.command(subcommand.app(f'{name} {called}'), name=called)
        return app


def _description(function: Callable) -> str:
    """A docstring without its ``Args``, a line per paragraph, as the terminal says how long lines are."""
    text = inspect.cleandoc(function.__doc__ or '').partition('\nArgs:')[0]  # Python run with -OO has no docstrings
    return re.sub(r'(?<!\n)\n(?!\n)', ' ', text)


def _shown(example: str) -> str:
    """A line of a shell that can be copied, in pieces that fit."""
    lines = textwrap.wrap(example, 72, break_long_words=False, break_on_hyphens=False)
    return 'example:\n  ' + ' \\\n      '.join(lines)


def called_as() -> str:
    """How a user calls this program: ``mmpe sample``, or ``python tools/sample.py``."""
    program = Path(sys.argv[0]).name
    return program if ' ' in program else f'python tools/{program}'


def new_app(name: str, version_flags: Sequence[str] = (), **options) -> App:
    """An app of cyclopts that takes the texts of help as they are, and has no words of its own."""
    app = App(
        name,
        **options,
        version_flags=version_flags,
        help_format='plaintext',
        group_parameters='Options',
        default_parameter=_USUAL,
    )
    app['--help'].group = 'Options'
    return app


def run(app: App, arguments: Sequence[str]) -> None:
    """Run an app; what is wrong with the arguments is one line on stderr and exit code 2."""
    try:
        if not arguments and app.default_command is None:
            raise UnknownCommandError(app=app, unused_tokens=[])
        work, given, _ = app.parse_args(arguments, exit_on_error=False, print_error=False, verbose=False)
    except CycloptsError as error:
        called = ' '.join([*app.name, *(error.command_chain or ())])
        print(f'error: {_refusal(error)}; see {called} --help', file=sys.stderr)
        raise SystemExit(2) from None
    work(*given.args, **given.kwargs)
    if isinstance(work, MethodType):  # help or the version
        raise SystemExit(0)


def _refusal(error: CycloptsError) -> str:
    """What is wrong, in mmpe's words where cyclopts does not name what is accepted."""
    if isinstance(error, UnknownCommandError):
        given = f'there is no command {error.unused_tokens[0]!r}' if error.unused_tokens else 'a command is missing'
        return f'{given}: choose from {", ".join(name for name in error.app if not name.startswith("-"))}'
    if isinstance(error, CoercionError) and error.msg:
        return f'argument {"/".join(error.argument.names)}: {one_line(error.msg)}'
    if isinstance(error, MissingArgumentError) and error.keyword is None:
        return f'the following arguments are required: {error.argument.name}'
    if isinstance(error, UnusedCliTokensError):
        return f'unrecognized arguments: {" ".join(error.unused_tokens)}'
    if isinstance(error, UnknownOptionError):
        given = error.token.keyword or error.token.value
        names = [name for argument in error.argument_collection for name in argument.names if name.startswith(given)]
        if names:
            return f'there is no option {given}: write {" or ".join(names)}'
    return one_line(error).rstrip('.')


# -------------------------------------------------------------------- parameters


def with_parameters(function: Callable) -> Callable:
    """A function whose annotations are cyclopts' where they were mmpe's."""
    hints = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)

    def call(*args, **kwargs):
        return function(*args, **kwargs)

    call.__doc__, call.__name__, call.__module__ = function.__doc__, function.__name__, function.__module__
    call.__signature__ = signature
    call.__annotations__ = {name: _annotation(name, hints.get(name, str)) for name in signature.parameters}
    return call


def _annotation(name: str, hint: Any) -> Any:
    """An annotation by which cyclopts hands the words to what mmpe has to read them, if it has."""
    kind, extras = _unwrapped(hint)
    is_list = get_origin(kind) in (list, Sequence, Iterable)
    if is_list:
        (kind,) = get_args(kind)
        kind, inner = _unwrapped(kind)
        extras = inner + extras
    text = next((extra for extra in extras if isinstance(extra, Text)), None)
    if text is None and kind in (str, Path):
        # shells leave ~ to programs in --out=~/results; all else is as typed
        text = Text(lambda word: kind(locate(word) if word.startswith('~') else word))
    if kind is bool:
        return Annotated[(hint, Parameter(show_default=False))]
    if text is None:
        return hint

    def convert(_, tokens):
        values = [text.read(token.value) for token in tokens]
        return values if is_list else values[-1]

    read = Parameter(converter=convert, metavar=text.metavar or name.upper())
    return Annotated[(list[str] if is_list else str, read, *(extra for extra in extras if extra is not text))]


def _unwrapped(hint: Any) -> tuple[Any, list]:
    """A type without ``Annotated`` and ``| None`` around it, and what stood in ``Annotated``."""
    if get_origin(hint) is Annotated:
        kind, *extras = get_args(hint)
        kind, inner = _unwrapped(kind)
        return kind, inner + extras
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        if len(kinds) == 1:
            return _unwrapped(kinds[0])
    return hint, []
