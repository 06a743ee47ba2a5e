"""Operations: a task of ``mmpe edit`` with its options, as pages send them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException

from mmpe.editing import Animation, Edited, run_task
from mmpe.editing.task_options import TaskOption, command_words, find_task, read_options, task_options
from mmpe.editing.tasks import TASKS, Task
from mmpe.models.singan import SinGANSampler

from .library import Library

_MOST_WORDS = 2000
_MOST_IMAGES = 64
_MOST_FRAMES = 600


@dataclass(frozen=True)
class Operation:
    """A task and its options.

    Attributes:
        task: Of ``mmpe edit``.
        options: Texts, numbers, flags, and lists of them, as on the command line. Files are relative to ``folder``.
        folder: The folder of the studio.

    >>> operation = Operation(find_task('move'), dict(box='4,6,8,10', by='-3,0', num=1), Path('studio'))
    >>> operation.command('models/rocket/iter_1000.pth', 'moved')
    'mmpe edit move models/rocket/iter_1000.pth --box=4,6,8,10 --by=-3,0 --num=1 --out moved'
    """

    task: Task
    options: dict[str, Any]
    folder: Path

    @classmethod
    def read(cls, body: Mapping[str, Any], library: Library) -> Operation:
        """The operation in a request.

        Raises:
            InputError: If there is no such task or option, or a value cannot be read.
            NotThere: If a file is not there.
        """
        task = find_task(str(body.get('task')))
        given = body.get('options') or {}
        if not isinstance(given, dict):
            raise HTTPException(400, 'options must be a JSON object')
        kinds = {option.name: option for option in task_options(task)}
        options = {
            name: read_file(value, library) if name in kinds and kinds[name].kind == 'file' else value
            for name, value in given.items()
            if value is not None
        }
        if len(json.dumps(options)) > 2**18 or any(len(v) > _MOST_WORDS for v in options.values() if type(v) is list):
            raise HTTPException(413, 'there are too many options: draw with fewer points')
        operation = cls(task, options, library.folder)
        operation._check_counts()
        return operation

    def with_options(self, **options: Any) -> Operation:
        """The same with other options, as far as the task has them."""
        names = {option.name for option in task_options(self.task)}
        changed = {name: value for name, value in options.items() if name in names}
        return replace(self, options=self.options | changed)

    def as_preview(self, model: SinGANSampler) -> Operation:
        """The same as one image, at a middle start scale where choosing one would take drawing at all of them."""
        start = dict(start_scale=model.num_scales // 2) if self.task.chooses_start_scale else {}
        return self.with_options(**start | self.options | dict(num=1, sheet=False))

    @property
    def key(self) -> str:
        """The same for operations that give the same images."""
        values = read_options(self.task, self.options)
        return json.dumps([self.task.name, values], sort_keys=True, default=str)

    def run(self, model: SinGANSampler) -> Edited | Animation:
        """What the operation makes of a model."""
        return run_task(model, self.task.name, **self._located())

    def command(self, checkpoint: str, out: str) -> str:
        """The command line that makes the same in ``out``, for the folder of the studio."""
        words = command_words(self.task, self.options)
        return shlex.join(['mmpe', 'edit', self.task.name, checkpoint, *words, '--out', out])

    def python(self, out: str) -> str:
        """A line of Python that makes the same in ``out`` with ``model``, likewise."""
        options = ''.join(f', {name}={value!r}' for name, value in self.options.items())
        return f'run_task(model, {self.task.name!r}{options}).save({out!r})'

    def written(self, out: str, image: int) -> str:
        """The file in ``out`` that has an image of the operation."""
        return out if self.task.file else f'{out}/edited_{image:03}.png'

    def with_file(self, old: str, new: str) -> Operation:
        """The same with another file in place of one."""
        return replace(self, options={name: new if value == old else value for name, value in self.options.items()})

    def _located(self) -> dict[str, Any]:
        files = {option.name for option in task_options(self.task) if option.kind == 'file'}
        return {k: str(self.folder / v) if k in files else v for k, v in self.options.items()}

    def _check_counts(self) -> None:
        values = read_options(self.task, self.options)
        for name, most in (('num', _MOST_IMAGES), ('frames', _MOST_FRAMES)):
            if values.get(name, 0) > most:
                raise HTTPException(413, f'{name}={values[name]}: the studio draws at most {most} at a time')


def describe_tasks() -> list[dict[str, Any]]:
    """All tasks and their options, for a page.

    >>> warp = next(task for task in describe_tasks() if task['name'] == 'warp')
    >>> warp['title'], warp['options'][0]['name'], warp['options'][0]['format']
    ('Bend the picture by points of it.', 'points', 'X,Y:X,Y')
    """
    return [
        dict(
            name=task.name,
            title=(task.function.__doc__ or task.name).strip().partition('\n')[0],
            animated=task.file is not None,
            options=[_described(option) for option in task_options(task)],
        )
        for task in (TASKS[name] for name in sorted(TASKS))
    ]


def _described(option: TaskOption) -> dict[str, Any]:
    return dict(
        name=option.name,
        type=option.kind,
        format=option.metavar,
        list=option.is_list,
        required=option.is_required,
        default=None if option.is_required else option.default,
        choices=list(option.choices),
        help=option.help,
    )


def read_file(value: Any, library: Library) -> str:
    """The path of a file, relative to the studio's folder, by what a page calls it.

    Raises:
        HTTPException: 400, if the value names no file.
        NotThere: If the file is not there.
    """
    if not (isinstance(value, dict) and isinstance(value.get('file'), str)):
        raise HTTPException(400, 'a file is given as {"file": NAME}, as POST /api/files has answered')
    return library.uploads.file(value['file']).relative_to(library.folder).as_posix()
