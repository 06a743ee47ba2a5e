"""``mmpe edit``: edits of the picture that a SinGAN was trained on, one task per edit."""

from __future__ import annotations

import inspect
import re
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from docstring_parser import parse

from mmpe.apis import load_singan
from mmpe.apis.checks import find_device
from mmpe.apis.results import ResultFolder, check_result, input_files
from mmpe.editing import Animation, Edited
from mmpe.editing.animation import check_format
from mmpe.editing.task_options import TaskOption, fill_in, start_from, task_options
from mmpe.editing.tasks import TASKS, Task

from .from_signatures import Command, command
from .options import Device, Folder, Overwrite

PATTERN = r'edited_(\d+)\.png|sheet\.png'

Checkpoint = Annotated[str, Parameter(help='a SinGAN, written by mmpe train')]
File = Annotated[Path, Parameter(metavar='FILE')]


def edit(task: Task, checkpoint: str, out: Path, overwrite: bool, device: str, **options: Any) -> None:
    """Edit, write the results, and print what was written."""
    parameters = fill_in(task, options)
    inputs = input_files(checkpoint, options)

    def edited() -> Edited | Animation:
        return task.function(start_from(load_singan(checkpoint, find_device(device)), options), **parameters)

    if task.file:
        check_result(out, inputs, overwrite)
        check_format(out)
        made = edited()
        files = made.save(out)
    else:
        results = ResultFolder('edit', out, PATTERN, inputs, overwrite)
        results.check(partial(will_write, options['num'], options.get('sheet', False)))
        made = edited()
        with results.writing() as folder:
            files = [out / file.name for file in made.save(folder)]
    if made.report:
        print(made.report)
    if made.psnr_outside is not None:
        print(f'outside the reach of the edit: PSNR {made.psnr_outside:.1f} dB to what was there')
    print(f'wrote {files[-1]}' if len(files) == 1 else f'wrote {len(files) - 1} images and {files[-1]}')


def will_write(num: int, sheet: bool, name: str) -> bool:
    """Whether a file of that name, which matches ``PATTERN``, may be written with these options."""
    number = re.fullmatch(PATTERN, name)[1]
    if number is None:
        return True
    return number == f'{int(number):03}' and (sheet or int(number) < num)


# -------------------------------------------------------------------- a task as a program


def program(task: Task) -> Command:
    """A task as a command, with the options of all tasks: a checkpoint, where to write, and a device."""
    out, kind = (task.file, File) if task.file else (f'edited_{task.name}', Folder)
    parameters = [
        inspect.Parameter('checkpoint', inspect.Parameter.POSITIONAL_ONLY, annotation=Checkpoint),
        _option('out', Path(out), kind),
        _option('overwrite', False, Overwrite),
        _option('device', 'cpu', Device),
        *(_documented(option) for option in task_options(task)),
    ]
    signature = inspect.Signature(parameters)

    def main(*arguments, **options):
        given = signature.bind(*arguments, **options)
        given.apply_defaults()
        edit(task, **given.arguments)

    main.__doc__ = parse(task.function.__doc__ or '').description
    main.__signature__ = signature
    main.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return Command(main, f'work_dirs/mine/iter_2000.pth {task.example}', {})


def _documented(option: TaskOption) -> inspect.Parameter:
    return _option(option.name, option.default, Annotated[option.annotation, Parameter(help=option.help or None)])


def _option(name: str, default: Any, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


@command('TASK --help', **{name: program(TASKS[name]) for name in sorted(TASKS)})
def main() -> None:
    """Edit the picture that a SinGAN was trained on.

    Writes edited_000.png, edited_001.png, ... and sheet.png, which shows them next to what they were made from. An
    animation is one file.
    """
