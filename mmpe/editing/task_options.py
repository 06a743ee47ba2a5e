"""The options of a task: what each is called, how its value is read from text, and how a command line says it.

A page or a script gives options as a command line does: ``points=['31,13:36,8']`` is ``--points 31,13:36,8``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from docstring_parser import parse

from mmpe.arguments import Text
from mmpe.datasets.picture_files import read_picture
from mmpe.errors import InputError
from mmpe.models.singan import SinGANSampler
from mmpe.numbers import shown

from .animation import Animation
from .edited import Edited
from .onto import onto
from .tasks import FILE, TASKS, File, Task

_REQUIRED = inspect.Parameter.empty
_ONTO_HELP = (
    'edit this picture, such as the result of an earlier edit, instead of the trained one; it takes a start scale of 1 '
    'or more'
)


@dataclass(frozen=True)
class TaskOption:
    """One option of a task.

    Attributes:
        name: As a keyword of Python; the command line writes ``-`` for ``_``.
        annotation: Of the parameter or field that it fills.
        default: Of the same; ``inspect.Parameter.empty`` if the option is required.
        help: What the docstring says of it.

    >>> option = next(option for option in task_options(TASKS['warp']) if option.name == 'points')
    >>> option.kind, option.metavar, option.is_list, option.is_required
    ('text', 'X,Y:X,Y', True, True)
    >>> option.read(['31,13:36,8'])
    [((31.0, 13.0), (36.0, 8.0))]
    """

    name: str
    annotation: Any
    default: Any
    help: str

    @property
    def is_required(self) -> bool:
        """Whether it has no default."""
        return self.default is _REQUIRED

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return get_origin(_bare(self.annotation)[0]) is list

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that are accepted; empty: any."""
        kind, _ = self._value
        return get_args(kind) if get_origin(kind) is Literal else ()

    @property
    def metavar(self) -> str:
        """What a value looks like, such as ``RIGHT,DOWN``; empty where the name says it."""
        _, text = self._value
        return text.metavar if text else ''

    @property
    def kind(self) -> str:
        """'flag', 'choice', 'file', 'whole', 'real' or 'text'."""
        kind, text = self._value
        if self.choices:
            return 'choice'
        if text is FILE or kind is Path:
            return 'file'
        return {bool: 'flag', int: 'whole', float: 'real'}.get(kind, 'text')

    def read(self, value: Any) -> Any:
        """The value that a text, a number or a flag stands for; a list of them where the option is a list.

        Raises:
            InputError: If it cannot be read.
        """
        try:
            if not self.is_list:
                return self._read_one(value)
            return [self._read_one(one) for one in (value if isinstance(value, (list, tuple)) else [value])]
        except ValueError as error:
            raise InputError(f'{self.name}: {error}') from error

    def words(self, value: Any) -> list[str]:
        """The words of a command line that give it this value.

        >>> [option.words('-13,0') for option in task_options(TASKS['move']) if option.name == 'by']
        [['--by=-13,0']]
        """
        flag = '--' + self.name.replace('_', '-')
        if self.kind == 'flag':
            return [flag] if value else []
        values = value if isinstance(value, (list, tuple)) else [value]
        # in one word: a value may begin with a minus
        return [f'{flag}={one}' for one in values]

    def _read_one(self, value: Any) -> Any:
        kind, text = self._value
        if isinstance(value, bool) or kind is bool:
            if kind is not bool or not isinstance(value, bool):
                raise InputError(f'it is {"true or false" if kind is bool else "a value"}, not {shown(value)}')
            return value
        if not isinstance(value, (str, int, float, Path)):
            raise InputError(f'it is a text or a number, not {shown(value)}')
        if self.choices and value not in self.choices:
            raise InputError(f'it is one of {", ".join(self.choices)}, not {shown(value)}')
        return text.read(str(value)) if text else value if self.choices else kind(value)

    @property
    def _value(self) -> tuple[Any, Text | None]:
        """The type of one value, and how it is read from text."""
        kind, text = _bare(self.annotation)
        if get_origin(kind) is list:
            kind, inner = _bare(get_args(kind)[0])
            text = inner or text
        return kind, text


def task_options(task: Task) -> list[TaskOption]:
    """The options of a task: the parameters of its function; for a dataclass, its fields. Then :func:`start_from`'s.

    >>> [option.name for option in task_options(TASKS['move'])]
    ['box', 'mask', 'by', 'seam', 'num', 'seed', 'start_scale', 'vary_from', 'no_blend', 'onto']
    """
    parameters, documented = [], []
    for parameter in _parameters(task.function):
        if is_dataclass(parameter.annotation):
            parameters += _parameters(parameter.annotation)
            documented += reversed(parameter.annotation.__mro__)
        else:
            parameters.append(parameter)
    texts = {
        text.arg_name: ' '.join((text.description or '').split())
        for thing in (*documented, task.function)
        for text in parse(thing.__doc__ or '').params
    }
    options = [TaskOption(p.name, p.annotation, p.default, texts.get(p.name, '')) for p in parameters]
    return options if task.takes_picture else [*options, TaskOption('onto', File | None, None, _ONTO_HELP)]


def fill_in(task: Task, options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a task's function from the values of all its options.

    Raises:
        InputError: If the values contradict each other.
    """
    return {
        p.name: p.annotation(**{field.name: options[field.name] for field in fields(p.annotation)})
        if is_dataclass(p.annotation)
        else options[p.name]
        for p in _parameters(task.function)
    }


def start_from(model: SinGANSampler, options: Mapping[str, Any]) -> SinGANSampler:
    """The model as a task takes it: with the picture of the option ``onto``, if there is one.

    Args:
        model: Trained.
        options: The values of all options of a task.

    Raises:
        InputError: If the picture cannot be read, or has another shape than the trained one.

    >>> from mmpe.editing.example import example_singan
    >>> model = example_singan()
    >>> start_from(model, dict(num=2, onto=None)) is model
    True
    """
    path = options.get('onto')
    return model if path is None else onto(model, read_picture(path))


def read_options(task: Task, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all options of a task, as far as they are given in texts, numbers and flags; others are defaults.

    Raises:
        InputError: If there is no such option, a required one is missing, or a value cannot be read.

    >>> read_options(TASKS['tile'], dict(size='64', num=2))
    {'num': 2, 'seed': 0, 'axes': 'both', 'size': (64, 64), 'start_scale': 0, 'repeat': 2, 'onto': None}
    """
    options = {option.name: option for option in task_options(task)}
    for name in given:
        if name not in options:
            raise InputError(f'{task.name} has no option {shown(name)}: it has {", ".join(options)}')
    values = {}
    for name, option in options.items():
        if given.get(name) is not None:
            values[name] = option.read(given[name])
        elif option.is_required:
            raise InputError(f'{task.name} needs the option {name}')
        else:
            values[name] = option.default
    return values


def find_task(name: str) -> Task:
    """A task of ``mmpe edit`` by its name.

    Raises:
        InputError: If there is no such task.

    >>> find_task('warp').example
    '--points 31,13:36,8 31,42:31,42 --start-scale 1'
    """
    if name not in TASKS:
        raise InputError(f'there is no task {shown(name)}: choose from {", ".join(sorted(TASKS))}')
    return TASKS[name]


def run_task(model: SinGANSampler, name: str, **options: Any) -> Edited | Animation:
    """Run a task of ``mmpe edit``, with the options of its command line.

    Args:
        model: Trained.
        name: Of the task.
        **options: As on the command line: texts such as ``'14,0'``, numbers, flags, and lists of them. One that
            is left out, or None, has its default.

    Raises:
        InputError: If there is no such task or option, a value cannot be read, or the task refuses it.

    >>> from mmpe.editing.example import example_singan
    >>> run_task(example_singan(), 'warp', points=['8,12:11,12'], num=2).images.shape
    torch.Size([2, 3, 24, 32])
    """
    task = find_task(name)
    values = read_options(task, options)
    arguments = fill_in(task, values)
    return task.function(start_from(model, values), **arguments)


def command_words(task: Task, options: Mapping[str, Any]) -> list[str]:
    """The words of a command line with the same options.

    >>> command_words(TASKS['move'], dict(box='27,10,10,33', by='14,0', no_blend=True))
    ['--box=27,10,10,33', '--by=14,0', '--no-blend']
    """
    return [
        word
        for option in task_options(task)
        if options.get(option.name) is not None
        for word in option.words(options[option.name])
    ]


def _parameters(function: Callable) -> list[inspect.Parameter]:
    """The keyword parameters of a function or a dataclass, with types for annotations."""
    hints = get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters.values()
    return [p.replace(annotation=hints[p.name]) for p in parameters if p.name != 'model']


def _bare(annotation: Any) -> tuple[Any, Text | None]:
    """A type without ``Annotated`` and ``| None`` around it, and the :class:`Text` that stood in ``Annotated``."""
    if get_origin(annotation) is Annotated:
        kind, *extras = get_args(annotation)
        kind, inner = _bare(kind)
        return kind, inner or next((extra for extra in extras if isinstance(extra, Text)), None)
    if get_origin(annotation) in (Union, UnionType):
        kinds: Sequence[Any] = [kind for kind in get_args(annotation) if kind is not NoneType]
        if len(kinds) == 1:
            return _bare(kinds[0])
    return annotation, None
